/** linux/ptrace.h, asm/ptrace-abi.h, linux/elf.h (note types). */
import { i32, struct, u32, u64, word } from '../struct.js';
import { iovec } from './mman.js';

export const PTRACE_CONT = 7;
export const PTRACE_KILL = 8;
export const PTRACE_GETREGS = 12;
export const PTRACE_SETREGS = 13;
export const PTRACE_DETACH = 17;
export const PTRACE_SYSCALL = 24;
export const PTRACE_GET_THREAD_AREA = 25;
export const PTRACE_SET_THREAD_AREA = 26;
export const PTRACE_SETOPTIONS = 0x4200;
export const PTRACE_GETEVENTMSG = 0x4201;
export const PTRACE_GETSIGINFO = 0x4202;
export const PTRACE_GETREGSET = 0x4204;
export const PTRACE_SETREGSET = 0x4205;
export const PTRACE_SEIZE = 0x4206;
export const PTRACE_INTERRUPT = 0x4207;
export const PTRACE_LISTEN = 0x4208;
export const PTRACE_PEEKSIGINFO = 0x4209;
export const PTRACE_GETSIGMASK = 0x420a;
export const PTRACE_SETSIGMASK = 0x420b;
export const PTRACE_SECCOMP_GET_FILTER = 0x420c;
export const PTRACE_SECCOMP_GET_METADATA = 0x420d;
export const PTRACE_GET_SYSCALL_INFO = 0x420e;
export const PTRACE_GET_RSEQ_CONFIGURATION = 0x420f;
export const PTRACE_GET_SYSCALL_USER_DISPATCH_CONFIG = 0x4211;
export const ptraceRequests = {
  PTRACE_CONT,
  PTRACE_KILL,
  PTRACE_GETREGS,
  PTRACE_SETREGS,
  PTRACE_DETACH,
  PTRACE_SYSCALL,
  PTRACE_SETOPTIONS,
  PTRACE_GETEVENTMSG,
  PTRACE_GETSIGINFO,
  PTRACE_GETREGSET,
  PTRACE_SETREGSET,
  PTRACE_SEIZE,
  PTRACE_INTERRUPT,
  PTRACE_LISTEN,
  PTRACE_PEEKSIGINFO,
  PTRACE_GETSIGMASK,
  PTRACE_SETSIGMASK,
  PTRACE_SECCOMP_GET_FILTER,
  PTRACE_SECCOMP_GET_METADATA,
  PTRACE_GET_SYSCALL_INFO,
  PTRACE_GET_RSEQ_CONFIGURATION,
  PTRACE_GET_THREAD_AREA,
  PTRACE_SET_THREAD_AREA,
  PTRACE_GET_SYSCALL_USER_DISPATCH_CONFIG,
};

export const PTRACE_O_TRACESYSGOOD = 1;
export const PTRACE_O_TRACEFORK = 2;
export const PTRACE_O_TRACEVFORK = 4;
export const PTRACE_O_TRACECLONE = 8;
export const PTRACE_O_TRACEEXEC = 16;
export const PTRACE_O_EXITKILL = 0x100000;
export const PTRACE_O_SUSPEND_SECCOMP = 0x200000;

export const PTRACE_EVENT_FORK = 1;
export const PTRACE_EVENT_VFORK = 2;
export const PTRACE_EVENT_CLONE = 3;
export const PTRACE_EVENT_EXEC = 4;
export const PTRACE_EVENT_STOP = 128;

export const PTRACE_PEEKSIGINFO_SHARED = 1;

export const NT_PRSTATUS = 1;
/** The ports that ioperm(2) has opened. */
export const NT_386_IOPERM = 0x201;
export const NT_X86_XSTATE = 0x202;

export const ptrace_peeksiginfo_args = struct(
  'ptrace_peeksiginfo_args',
  { off: u64, flags: u32, nr: i32 },
  { size: 16 },
);
/** linux/ptrace.h, Linux 5.13. */
export const ptrace_rseq_configuration = struct(
  'ptrace_rseq_configuration',
  { rseq_abi_pointer: word, rseq_abi_size: u32, signature: u32, flags: u32, pad: u32 },
  { size: 24 },
);
export { iovec };

/** linux/ptrace.h, struct ptrace_sud_config, Linux 6.4. */
export const ptrace_sud_config = struct(
  'ptrace_sud_config',
  { mode: u64, selector: u64, offset: u64, len: u64 },
  { size: 32 },
);

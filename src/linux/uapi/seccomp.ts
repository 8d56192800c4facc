/** linux/seccomp.h, linux/filter.h, linux/audit.h. */
import { array, struct, u16, u32, u64, word } from '../struct.js';

export const SECCOMP_MODE_STRICT = 1;
export const SECCOMP_MODE_FILTER = 2;

// Operations of seccomp(2).
export const SECCOMP_SET_MODE_STRICT = 0;
export const SECCOMP_SET_MODE_FILTER = 1;
export const seccompOperations = { SECCOMP_SET_MODE_STRICT, SECCOMP_SET_MODE_FILTER };

export const SECCOMP_FILTER_FLAG_TSYNC = 1;
export const SECCOMP_FILTER_FLAG_LOG = 2;
export const SECCOMP_FILTER_FLAG_SPEC_ALLOW = 4;
export const seccompFilterFlags = {
  SECCOMP_FILTER_FLAG_TSYNC,
  SECCOMP_FILTER_FLAG_LOG,
  SECCOMP_FILTER_FLAG_SPEC_ALLOW,
};

// What a filter returns, the action in the upper half; the lowest as a signed number wins.
export const SECCOMP_RET_KILL_PROCESS = 0x8000_0000;
export const SECCOMP_RET_KILL_THREAD = 0;
export const SECCOMP_RET_TRAP = 0x0003_0000;
export const SECCOMP_RET_ERRNO = 0x0005_0000;
export const SECCOMP_RET_USER_NOTIF = 0x7fc0_0000;
export const SECCOMP_RET_TRACE = 0x7ff0_0000;
export const SECCOMP_RET_LOG = 0x7ffc_0000;
export const SECCOMP_RET_ALLOW = 0x7fff_0000;

export const AUDIT_ARCH_X86_64 = 0xc000_003e;
/** Of 32-bit code, on this kernel, too. */
export const AUDIT_ARCH_I386 = 0x4000_0003;

export const seccomp_data = struct(
  'seccomp_data',
  { nr: u32, arch: u32, instruction_pointer: u64, args: array(u64, 6) },
  { size: 64 },
);

/** One instruction of classic BPF: linux/filter.h. */
export const SOCK_FILTER_SIZE = 8;
export const sock_fprog = struct('sock_fprog', { len: u16, filter: word }, { size: 16 });
/** PTRACE_SECCOMP_GET_METADATA, Linux 4.16. */
export const seccomp_metadata = struct(
  'seccomp_metadata',
  { filter_off: u64, flags: u64 },
  { size: 16 },
);

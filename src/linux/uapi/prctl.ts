/**
 * linux/prctl.h, linux/securebits.h, linux/capability.h, linux/membarrier.h, linux/keyctl.h; asm/prctl.h, asm/ldt.h.
 */
import { struct, u32 } from '../struct.js';

export const PR_SET_PDEATHSIG = 1;
export const PR_GET_PDEATHSIG = 2;
export const PR_GET_DUMPABLE = 3;
export const PR_SET_DUMPABLE = 4;
export const PR_GET_KEEPCAPS = 7;
export const PR_SET_KEEPCAPS = 8;
export const PR_SET_NAME = 15;
export const PR_GET_NAME = 16;
export const PR_CAPBSET_READ = 23;
export const PR_CAPBSET_DROP = 24;
export const PR_GET_SECUREBITS = 27;
export const PR_SET_SECUREBITS = 28;
export const PR_GET_TIMERSLACK = 30;
export const PR_SET_TIMERSLACK = 29;
/** asm/prctl.h, Linux 4.8: of vvar and vdso, for 32-bit code and for other code. A process has either. */
export const ARCH_MAP_VDSO_32 = 0x2002;
export const ARCH_MAP_VDSO_64 = 0x2003;
export const PR_SET_MM = 35;
export const PR_SET_MM_MAP = 14;
export const PR_SET_MM_MAP_SIZE = 15;
export const PR_SET_CHILD_SUBREAPER = 36;
export const PR_GET_CHILD_SUBREAPER = 37;
export const PR_SET_NO_NEW_PRIVS = 38;
export const PR_GET_NO_NEW_PRIVS = 39;
export const PR_GET_TID_ADDRESS = 40;
export const PR_SET_THP_DISABLE = 41;
export const PR_GET_THP_DISABLE = 42;
export const PR_MCE_KILL_GET = 34;
export const PR_GET_FP_MODE = 46;
export const PR_CAP_AMBIENT = 47;
export const PR_CAP_AMBIENT_RAISE = 2;
export const PR_CAP_AMBIENT_CLEAR_ALL = 4;
export const PR_GET_SPECULATION_CTRL = 52;
export const PR_SET_IO_FLUSHER = 57;
export const PR_GET_IO_FLUSHER = 58;
export const PR_SET_MDWE = 65;
export const PR_GET_MDWE = 66;
export const PR_SET_MEMORY_MERGE = 67;
export const PR_GET_MEMORY_MERGE = 68;
/** Linux 6.16. */
export const PR_FUTEX_HASH = 78;
export const PR_FUTEX_HASH_SET_SLOTS = 1;
export const PR_FUTEX_HASH_GET_SLOTS = 2;
export const PR_SET_VMA = 0x53564d41;
export const PR_SET_VMA_ANON_NAME = 0;
export const PR_GET_TSC = 25;
export const PR_SET_TSC = 26;
export const PR_TSC_ENABLE = 1;
export const PR_MCE_KILL = 33;
export const PR_MCE_KILL_SET = 1;
export const PR_MCE_KILL_DEFAULT = 2;
export const PR_SET_SPECULATION_CTRL = 53;
export const PR_SPEC_STORE_BYPASS = 0;
export const PR_SPEC_INDIRECT_BRANCH = 1;
export const PR_SPEC_L1D_FLUSH = 2;
/** The task may choose: only then is the rest of the value its own. */
export const PR_SPEC_PRCTL = 1;
export const PR_SPEC_ENABLE = 2;
export const PR_SPEC_DISABLE = 4;
export const PR_SCHED_CORE = 62;
export const PR_SCHED_CORE_GET = 0;
export const PR_TIMER_CREATE_RESTORE_IDS = 77;
export const PR_TIMER_CREATE_RESTORE_IDS_GET = 2;
export const PR_GET_UNALIGN = 5;
export const PR_GET_TIMING = 13;
export const PR_TASK_PERF_EVENTS_DISABLE = 31;
export const prctlOptions = {
  PR_SET_PDEATHSIG,
  PR_GET_PDEATHSIG,
  PR_GET_DUMPABLE,
  PR_SET_DUMPABLE,
  PR_GET_KEEPCAPS,
  PR_SET_KEEPCAPS,
  PR_SET_NAME,
  PR_GET_NAME,
  PR_CAPBSET_READ,
  PR_CAPBSET_DROP,
  PR_GET_SECUREBITS,
  PR_SET_SECUREBITS,
  PR_GET_TIMERSLACK,
  PR_SET_TIMERSLACK,
  PR_SET_MM,
  PR_SET_CHILD_SUBREAPER,
  PR_GET_CHILD_SUBREAPER,
  PR_SET_NO_NEW_PRIVS,
  PR_GET_NO_NEW_PRIVS,
  PR_GET_TID_ADDRESS,
  PR_SET_THP_DISABLE,
  PR_GET_THP_DISABLE,
  PR_MCE_KILL_GET,
  PR_CAP_AMBIENT,
  PR_GET_SPECULATION_CTRL,
  PR_SET_IO_FLUSHER,
  PR_GET_IO_FLUSHER,
  PR_SET_MDWE,
  PR_GET_MDWE,
  PR_SET_MEMORY_MERGE,
  PR_GET_MEMORY_MERGE,
  PR_FUTEX_HASH,
  PR_GET_TSC,
  PR_SET_TSC,
  PR_MCE_KILL,
  PR_SET_SPECULATION_CTRL,
  PR_SCHED_CORE,
  PR_TIMER_CREATE_RESTORE_IDS,
  PR_SET_VMA,
};

export const _LINUX_CAPABILITY_VERSION_3 = 0x20080522;
export const cap_user_header = struct('cap_user_header', { version: u32, pid: u32 }, { size: 8 });
/** Two of these in a row for version 3: low words, then high words. */
export const cap_user_data = struct(
  'cap_user_data',
  { effective: u32, permitted: u32, inheritable: u32 },
  { size: 12 },
);

export const MEMBARRIER_CMD_GET_REGISTRATIONS = 512;

// Securebits. Each has its lock at the next bit.
export const SECBIT_NOROOT = 0x1;
export const SECBIT_NO_SETUID_FIXUP = 0x4;
export const SECBIT_KEEP_CAPS = 0x10;

// What PR_GET_DUMPABLE says; PR_SET_DUMPABLE refuses the last.
export const SUID_DUMP_DISABLE = 0;
export const SUID_DUMP_USER = 1;
export const SUID_DUMP_ROOT = 2;

// arch_prctl(2).
export const ARCH_GET_CPUID = 0x1011;
export const ARCH_SET_CPUID = 0x1012;
export const ARCH_GET_XCOMP_PERM = 0x1022;
export const ARCH_REQ_XCOMP_PERM = 0x1023;

export const KEYCTL_GET_KEYRING_ID = 0;
export const KEY_SPEC_THREAD_KEYRING = -1;
export const KEY_SPEC_PROCESS_KEYRING = -2;

/** A descriptor for set_thread_area(2); `flags` holds the bit fields. */
export const user_desc = struct(
  'user_desc',
  { entry_number: u32, base_addr: u32, limit: u32, flags: u32 },
  { size: 16 },
);
export const USER_DESC_SEG_32BIT = 1 << 0;
export const USER_DESC_CONTENTS_LOW = 1 << 1;
export const USER_DESC_CONTENTS_HIGH = 1 << 2;
export const USER_DESC_READ_EXEC_ONLY = 1 << 3;
export const USER_DESC_LIMIT_IN_PAGES = 1 << 4;
export const USER_DESC_SEG_NOT_PRESENT = 1 << 5;
export const USER_DESC_USEABLE = 1 << 6;

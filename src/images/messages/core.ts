/** A thread: its registers, and for the leader what belongs to the whole process. */
import {
  bool,
  bytes,
  enumeration,
  int32,
  message,
  optional,
  repeated,
  required,
  sint32,
  string,
  uint32,
  uint64,
  word,
} from '../schema.js';
import { thread_info_aarch64 } from './core-aarch64.js';
import { thread_info_arm } from './core-arm.js';
import { thread_info_loongarch64 } from './core-loongarch64.js';
import { thread_info_mips } from './core-mips.js';
import { thread_info_ppc64 } from './core-ppc64.js';
import { thread_info_riscv64 } from './core-riscv64.js';
import { thread_info_s390 } from './core-s390.js';
import { thread_info_x86 } from './core-x86.js';
import { creds_entry } from './creds.js';
import { rlimit_entry } from './rlimit.js';
import { rseq_entry } from './rseq.js';
import { sa_entry } from './sa.js';
import { signal_queue_entry } from './siginfo.js';
import { task_timers_entry } from './timer.js';

export const core_entry_march = enumeration('core_entry.march', {
  UNKNOWN: 0,
  X86_64: 1,
  ARM: 2,
  AARCH64: 3,
  PPC64: 4,
  S390: 5,
  MIPS: 6,
  LOONGARCH64: 7,
  RISCV64: 8,
});

export const seccomp_mode = enumeration('seccomp_mode', {
  disabled: 0,
  strict: 1,
  filter: 2,
});

export const task_rlimits_entry = message('task_rlimits_entry', () => ({
  rlimits: repeated(1, rlimit_entry),
}));

export const task_core_entry = message('task_core_entry', () => ({
  task_state: required(1, uint32, { dict: 'gen' }),
  exit_code: required(2, uint32),
  personality: required(3, uint32),
  flags: required(4, uint32),
  blk_sigset: required(5, uint64, { hex: true }),
  comm: required(6, string),
  timers: optional(7, task_timers_entry),
  rlimits: optional(8, task_rlimits_entry),
  cg_set: optional(9, uint32),
  signals_s: optional(10, signal_queue_entry),
  old_seccomp_mode: optional(11, seccomp_mode),
  old_seccomp_filter: optional(12, uint32),
  loginuid: optional(13, uint32),
  oom_score_adj: optional(14, int32),
  sigactions: repeated(15, sa_entry),
  child_subreaper: optional(18, bool),
  blk_sigset_extended: optional(20, uint64, { hex: true }),
  stop_signo: optional(21, uint32),
  membarrier_registration_mask: optional(22, uint32, { hex: true }),
  /** Ours. The signal its parent gets at its end; 0: none. Absent: SIGCHLD. */
  exit_signal: optional(20000, uint32),
  /** The wait status of a leader that has ended before the other threads; its core has no registers then. */
  leader_exit_code: optional(20001, uint32),
  /** Ours: children of this process that are stopped, and whose stop it has waited for (WUNTRACED) already. */
  stops_seen: repeated(20002, uint32),
  /** Components of the extended registers that it was permitted on request (ARCH_REQ_XCOMP_PERM), by bit. */
  xcomp_perm: optional(20040, uint64),
}));

export const task_kobj_ids_entry = message('task_kobj_ids_entry', () => ({
  vm_id: required(1, uint32),
  files_id: required(2, uint32),
  fs_id: required(3, uint32),
  sighand_id: required(4, uint32),
  pid_ns_id: optional(5, uint32),
  net_ns_id: optional(6, uint32),
  ipc_ns_id: optional(7, uint32),
  uts_ns_id: optional(8, uint32),
  mnt_ns_id: optional(9, uint32),
  user_ns_id: optional(10, uint32),
  cgroup_ns_id: optional(11, uint32),
  time_ns_id: optional(12, uint32),
}));

export const thread_sas_entry = message('thread_sas_entry', () => ({
  ss_sp: required(1, word),
  ss_size: required(2, word),
  ss_flags: required(3, uint32),
}));

export const thread_core_entry = message('thread_core_entry', () => ({
  futex_rla: required(1, word),
  futex_rla_len: required(2, uint32),
  sched_nice: optional(3, sint32),
  sched_policy: optional(4, uint32),
  sched_prio: optional(5, uint32),
  blk_sigset: optional(6, uint64),
  sas: optional(7, thread_sas_entry),
  pdeath_sig: optional(8, uint32),
  signals_p: optional(9, signal_queue_entry),
  creds: optional(10, creds_entry),
  seccomp_mode: optional(11, seccomp_mode),
  seccomp_filter: optional(12, uint32),
  comm: optional(13, string),
  blk_sigset_extended: optional(14, uint64),
  rseq_entry: optional(15, rseq_entry),
  cg_set: optional(16, uint32),
  /** Ours, as are all from 20000 on. Absent: 50 microseconds, the kernel's default. */
  timer_slack_ns: optional(20000, word),
  /** As for sched_setaffinity(2). Absent: every CPU. */
  cpu_affinity: optional(20001, bytes),
  /** As for ioprio_set(2). Absent: as the nice value has it. */
  ioprio: optional(20002, uint32),
  /** The time slice of a fair policy, when set. */
  sched_runtime: optional(20003, uint64),
  /** PR_SET_IO_FLUSHER. */
  io_flusher: optional(20004, bool),
  /** PR_MCE_KILL_EARLY or _LATE. Absent: the system's default. */
  mce_kill: optional(20005, uint32),
  /** PR_TSC_SIGSEGV: to read the time stamp counter is an error. */
  tsc_sigsegv: optional(20006, bool),
  /** PR_SPEC_* that the thread chose. Absent: the default. */
  spec_store_bypass: optional(20007, uint32),
  spec_indirect_branch: optional(20008, uint32),
  spec_l1d_flush: optional(20009, uint32),
  personality: optional(20010, uint32),
  /** ARCH_SET_CPUID: the CPUID instruction raises SIGSEGV. */
  cpuid_fault: optional(20040, bool),
}));

export const core_entry = message('core_entry', () => ({
  mtype: required(1, core_entry_march),
  thread_info: optional(2, thread_info_x86),
  ti_arm: optional(6, thread_info_arm),
  ti_aarch64: optional(8, thread_info_aarch64),
  ti_ppc64: optional(9, thread_info_ppc64),
  ti_s390: optional(10, thread_info_s390),
  ti_mips: optional(11, thread_info_mips),
  ti_loongarch64: optional(12, thread_info_loongarch64),
  ti_riscv64: optional(13, thread_info_riscv64),
  tc: optional(3, task_core_entry),
  ids: optional(4, task_kobj_ids_entry),
  thread_core: optional(5, thread_core_entry),
}));

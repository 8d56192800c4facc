/** What a dump knows of a frozen tree before any object has looked: plain data, in our pids and in theirs. */
import type { Registers } from '../arch/x86-64/registers.js';
import type { Mapping } from '../linux/procfs/maps.js';
import type { Stat } from '../linux/procfs/stat.js';
import type { Status } from '../linux/procfs/status.js';
import type { Seccomp } from '../linux/seccomp.js';
import type { Pid, Vpid } from '../support/brand.js';

/** linux/ptrace.h, struct ptrace_rseq_configuration; all zero when none is registered. */
export interface RseqConfiguration {
  pointer: number;
  size: number;
  signature: number;
  flags: number;
}

export interface ThreadView {
  tid: Pid;
  /** The tid the task itself sees. */
  vtid: Vpid;
  regs: Registers;
  /** NT_X86_XSTATE as the kernel gives it. */
  xstate: Uint8Array;
  /** Blocked signals, from before the freeze. */
  sigmask: bigint;
  rseq: RseqConfiguration;
  robustList: { head: number; length: number };
  /** undefined: nothing confines it. */
  seccomp: Seccomp | undefined;
  /** siginfo (128 bytes each) of the signals pending for this thread alone, in queue order. */
  pending: Uint8Array[];
  stat: Stat;
  status: Status;
}

export interface ProcessView {
  pid: Pid;
  /** Whom to ask about it: its leader, or, when that has ended before the others, another thread. */
  task: Pid;
  vpid: Vpid;
  /** vpid of the parent; 0 for the root of the tree. */
  parent: Vpid;
  vpgid: Vpid;
  vsid: Vpid;
  comm: string;
  state: 'alive' | 'zombie';
  /** The signal that stopped the process (SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU); undefined: it is not stopped. */
  stopSignal: number | undefined;
  /** Children that are stopped. */
  stoppedChildren: Vpid[];
  /** Of `task`. */
  stat: Stat;
  status: Status;
  /** A leader that has called exit(2), not exit_group(2): a zombie until the last thread ends. */
  endedLeader: { stat: Stat; status: Status } | undefined;
  /** Those that live, the leader first. Empty for a zombie. */
  threads: ThreadView[];
  /** Whether the program is one of 32-bit code; threads that run other code than their program's are refused. */
  is32Bit: boolean;
  mappings: Mapping[];
  /** siginfo of the signals pending for the whole process. */
  pendingShared: Uint8Array[];
  /** Of all pending signals, of threads too: those that came after the probes had begun. */
  lateSignals: Uint8Array[];
}

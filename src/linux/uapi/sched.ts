/** linux/sched.h, linux/futex.h, linux/kcmp.h, linux/wait.h, linux/time.h, linux/resource.h. */
import { i32, long, struct, u32, u64, word } from '../struct.js';

export const CLONE_NEWTIME = 0x80;
export const CLONE_VM = 0x100;
export const CLONE_FS = 0x200;
export const CLONE_FILES = 0x400;
export const CLONE_SIGHAND = 0x800;
export const CLONE_PTRACE = 0x2000;
export const CLONE_VFORK = 0x4000;
export const CLONE_PARENT = 0x8000;
export const CLONE_THREAD = 0x10000;
export const CLONE_NEWNS = 0x20000;
export const CLONE_SYSVSEM = 0x40000;
export const CLONE_SETTLS = 0x80000;
export const CLONE_PARENT_SETTID = 0x100000;
export const CLONE_CHILD_CLEARTID = 0x200000;
export const CLONE_CHILD_SETTID = 0x1000000;
export const CLONE_NEWCGROUP = 0x2000000;
export const CLONE_NEWUTS = 0x4000000;
export const CLONE_NEWIPC = 0x8000000;
export const CLONE_NEWUSER = 0x10000000;
export const CLONE_NEWPID = 0x20000000;
export const CLONE_NEWNET = 0x40000000;
export const cloneFlags = {
  CLONE_NEWTIME,
  CLONE_VM,
  CLONE_FS,
  CLONE_FILES,
  CLONE_SIGHAND,
  CLONE_PTRACE,
  CLONE_VFORK,
  CLONE_PARENT,
  CLONE_THREAD,
  CLONE_NEWNS,
  CLONE_SYSVSEM,
  CLONE_SETTLS,
  CLONE_PARENT_SETTID,
  CLONE_CHILD_CLEARTID,
  CLONE_CHILD_SETTID,
  CLONE_NEWCGROUP,
  CLONE_NEWUTS,
  CLONE_NEWIPC,
  CLONE_NEWUSER,
  CLONE_NEWPID,
  CLONE_NEWNET,
};

/** clone3(2), version 2 of the struct (Linux 5.7). */
export const clone_args = struct(
  'clone_args',
  {
    flags: u64,
    pidfd: word,
    child_tid: word,
    parent_tid: word,
    exit_signal: word,
    stack: word,
    stack_size: word,
    tls: word,
    set_tid: word,
    set_tid_size: word,
    cgroup: word,
  },
  { size: 88 },
);

export const FUTEX_WAIT = 0;
export const FUTEX_WAKE = 1;
export const FUTEX_WAKE_OP = 5;
export const futexOps = { FUTEX_WAIT, FUTEX_WAKE, FUTEX_WAKE_OP };
/** FUTEX_OP(op, oparg, cmp, cmparg): see futex(2). */
export const FUTEX_OP_SET = 0;
export const FUTEX_OP_ADD = 1;
export const FUTEX_OP_CMP_EQ = 0;
export const FUTEX_OP_CMP_GE = 5;
export const futexOp = (op: number, oparg: number, cmp: number, cmparg: number): number =>
  op * 2 ** 28 + cmp * 2 ** 24 + oparg * 2 ** 12 + cmparg;

export const KCMP_FILE = 0;
export const KCMP_VM = 1;
export const KCMP_FILES = 2;
export const KCMP_FS = 3;
export const KCMP_SIGHAND = 4;
export const KCMP_IO = 5;
export const KCMP_SYSVSEM = 6;
/** Linux 4.13. */
export const KCMP_EPOLL_TFD = 7;
export const kcmpTypes = {
  KCMP_FILE,
  KCMP_VM,
  KCMP_FILES,
  KCMP_FS,
  KCMP_SIGHAND,
  KCMP_IO,
  KCMP_SYSVSEM,
  KCMP_EPOLL_TFD,
};
/** Of an epoll instance, descriptor `efd`: the target that was added as `tfd`, number `toff` of those. */
export const kcmp_epoll_slot = struct(
  'kcmp_epoll_slot',
  { efd: u32, tfd: u32, toff: u32 },
  { size: 12 },
);

export const WNOHANG = 1;
export const WUNTRACED = 2;
export const __WNOTHREAD = 0x20000000;
export const __WALL = 0x40000000;
/** For waitid(2): WUNTRACED by its other name, and not to take what is reported. */
export const WSTOPPED = 2;
export const WNOWAIT = 0x1000000;
export const P_PID = 1;
export const waitFlags = { WNOHANG, WUNTRACED, WNOWAIT, __WNOTHREAD, __WALL };

export const timespec = struct('timespec', { tv_sec: long, tv_nsec: long }, { size: 16 });
export const rlimit64 = struct('rlimit64', { rlim_cur: u64, rlim_max: u64 }, { size: 16 });
export const itimerval = struct(
  'itimerval',
  { interval_sec: long, interval_usec: long, value_sec: long, value_usec: long },
  { size: 32 },
);
export const itimerspec = struct(
  'itimerspec',
  { it_interval: timespec, it_value: timespec },
  { size: 32 },
);

export const CLOCK_REALTIME = 0;
export const CLOCK_MONOTONIC = 1;
export const CLOCK_BOOTTIME = 7;
/** They wake a suspended machine; CAP_WAKE_ALARM. */
export const CLOCK_REALTIME_ALARM = 8;
export const CLOCK_BOOTTIME_ALARM = 9;
export const clocks = {
  CLOCK_REALTIME,
  CLOCK_MONOTONIC,
  CLOCK_BOOTTIME,
  CLOCK_REALTIME_ALARM,
  CLOCK_BOOTTIME_ALARM,
};
/** For timer_settime(2). */
export const TIMER_ABSTIME = 1;

export const SCHED_OTHER = 0;
export const SCHED_FIFO = 1;
export const SCHED_RR = 2;
export const SCHED_BATCH = 3;
export const SCHED_IDLE = 5;
export const SCHED_DEADLINE = 6;
export const SCHED_EXT = 7;
/** Beside the policy, as sched_getscheduler(2) gives it. */
export const SCHED_RESET_ON_FORK = 0x4000_0000;
export const SCHED_FLAG_RESET_ON_FORK = 1;
/** Of the utilization clamps: no limit. */
export const SCHED_CAPACITY_SCALE = 1024;

/** linux/sched/types.h, Linux 5.3. */
export const sched_attr = struct(
  'sched_attr',
  {
    size: u32,
    sched_policy: u32,
    sched_flags: u64,
    sched_nice: i32,
    sched_priority: u32,
    /** Of SCHED_DEADLINE; of the fair policies the time slice in nanoseconds, Linux 6.12. */
    sched_runtime: u64,
    sched_deadline: u64,
    sched_period: u64,
    sched_util_min: u32,
    sched_util_max: u32,
  },
  { size: 56 },
);

// linux/ioprio.h.
export const IOPRIO_WHO_PROCESS = 1;
export const IOPRIO_CLASS_SHIFT = 13;
export const IOPRIO_CLASS_NONE = 0;
export const IOPRIO_CLASS_RT = 1;
export const IOPRIO_CLASS_BE = 2;
export const IOPRIO_CLASS_IDLE = 3;

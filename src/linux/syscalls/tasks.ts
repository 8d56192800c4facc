/** System calls on processes, threads, signals, credentials and time. */
import {
  data,
  fdParam,
  flags,
  hexWord,
  int,
  oneOf,
  out,
  path,
  pointerTo,
  syscall,
  uint,
} from '../syscall.js';
import { cap_user_header, prctlOptions } from '../uapi/prctl.js';
import { ptraceRequests } from '../uapi/ptrace.js';
import {
  clocks,
  cloneFlags,
  futexOps,
  kcmp_epoll_slot,
  kcmpTypes,
  rlimit64,
  timespec,
  waitFlags,
} from '../uapi/sched.js';
import { seccompFilterFlags, seccompOperations } from '../uapi/seccomp.js';
import { cloneArguments } from './clone-arguments.js';

export const getpid = syscall('getpid', {}, 'pid');
export const gettid = syscall('gettid', {}, 'pid');
export const getrandom = syscall('getrandom', { buf: out, count: uint, flags: hexWord }, 'count');
export const clone3 = syscall('clone3', { cl_args: data, size: uint }, 'pid');
/** clone3 with its arguments as a value: see CloneArguments. */
export const clone3Args = syscall('clone3', { cl_args: cloneArguments, size: uint }, 'pid');
export const unshare = syscall('unshare', { flags: flags(cloneFlags) });
export const setns = syscall('setns', { fd: fdParam, nstype: flags(cloneFlags) });
export const execve = syscall('execve', { pathname: path, argv: data, envp: data });
export const exitGroup = syscall('exit_group', { status: int });
export const exit = syscall('exit', { status: int });
export const wait4 = syscall(
  'wait4',
  { pid: int, wstatus: out, options: flags(waitFlags), rusage: out },
  'pid',
);
export const waitid = syscall('waitid', {
  which: int,
  upid: int,
  infop: out,
  options: flags(waitFlags),
  rusage: out,
});
export const kill = syscall('kill', { pid: int, sig: int });
export const tgkill = syscall('tgkill', { tgid: int, tid: int, sig: int });
export const pause = syscall('pause', {});
export const ptrace = syscall(
  'ptrace',
  { request: oneOf(ptraceRequests), pid: int, addr: hexWord, data },
  'value',
);
export const pidfdOpen = syscall('pidfd_open', { pid: int, flags: hexWord }, 'fd');
export const pidfdGetfd = syscall(
  'pidfd_getfd',
  { pidfd: fdParam, targetfd: fdParam, flags: hexWord },
  'fd',
);
/** With KCMP_EPOLL_TFD. */
export const kcmpEpoll = syscall(
  'kcmp',
  {
    pid1: int,
    pid2: int,
    type: oneOf(kcmpTypes),
    idx1: hexWord,
    idx2: pointerTo(kcmp_epoll_slot),
  },
  'value',
);
export const kcmp = syscall(
  'kcmp',
  { pid1: int, pid2: int, type: oneOf(kcmpTypes), idx1: hexWord, idx2: hexWord },
  'value',
);
export const futex = syscall(
  'futex',
  { uaddr: hexWord, op: oneOf(futexOps), val: uint, timeout: data, uaddr2: hexWord, val3: hexWord },
  'value',
);

export const setsid = syscall('setsid', {}, 'pid');
export const setpgid = syscall('setpgid', { pid: int, pgid: int });
export const getpgid = syscall('getpgid', { pid: int }, 'pid');
export const getsid = syscall('getsid', { pid: int }, 'pid');

export const rtSigaction = syscall('rt_sigaction', {
  signum: int,
  act: data,
  oldact: out,
  sigsetsize: uint,
});
export const rtSigprocmask = syscall('rt_sigprocmask', {
  how: int,
  set: data,
  oldset: out,
  sigsetsize: uint,
});
export const rtSigreturn = syscall('rt_sigreturn', { frame: hexWord });
export const rtSigqueueinfo = syscall('rt_sigqueueinfo', { tgid: int, sig: int, info: data });
export const rtTgsigqueueinfo = syscall('rt_tgsigqueueinfo', {
  tgid: int,
  tid: int,
  sig: int,
  info: data,
});
export const rtSigtimedwait = syscall(
  'rt_sigtimedwait',
  { uthese: data, uinfo: out, uts: pointerTo(timespec), sigsetsize: uint },
  'value',
);
export const sigaltstack = syscall('sigaltstack', { ss: data, old_ss: out });

export const setTidAddress = syscall('set_tid_address', { tidptr: hexWord }, 'pid');
export const setRobustList = syscall('set_robust_list', { head: hexWord, len: uint });
export const getRobustList = syscall('get_robust_list', { pid: int, head_ptr: out, len_ptr: out });
export const rseq = syscall('rseq', {
  rseq: hexWord,
  rseq_len: uint,
  flags: hexWord,
  sig: hexWord,
});
export const archPrctl = syscall('arch_prctl', { code: hexWord, addr: data });
export const prctl = syscall(
  'prctl',
  { option: oneOf(prctlOptions), arg2: data, arg3: hexWord, arg4: hexWord, arg5: hexWord },
  'value',
);
/** prctl whose third argument is a struct: PR_SET_MM_MAP. */
export const prctlMm = syscall(
  'prctl',
  { option: oneOf(prctlOptions), arg2: hexWord, arg3: data, arg4: hexWord, arg5: hexWord },
  'value',
);
export const seccomp = syscall('seccomp', {
  operation: oneOf(seccompOperations),
  flags: flags(seccompFilterFlags),
  args: data,
});
export const modifyLdt = syscall('modify_ldt', { func: int, ptr: out, bytecount: uint }, 'count');
export const keyctl = syscall(
  'keyctl',
  { operation: int, arg2: int, arg3: int, arg4: int, arg5: int },
  'value',
);
export const personality = syscall('personality', { persona: hexWord }, 'value');
export const membarrier = syscall(
  'membarrier',
  { cmd: hexWord, flags: hexWord, cpu_id: int },
  'value',
);

export const setresuid = syscall('setresuid', { ruid: int, euid: int, suid: int });
export const setresgid = syscall('setresgid', { rgid: int, egid: int, sgid: int });
export const setfsuid = syscall('setfsuid', { fsuid: int }, 'value');
export const setfsgid = syscall('setfsgid', { fsgid: int }, 'value');
export const setgroups = syscall('setgroups', { size: uint, list: data });
export const capset = syscall('capset', { hdrp: pointerTo(cap_user_header), datap: data });

export const prlimit64 = syscall('prlimit64', {
  pid: int,
  resource: uint,
  new_limit: pointerTo(rlimit64),
  old_limit: out,
});
export const setpriority = syscall('setpriority', { which: int, who: int, prio: int });
export const schedSetattr = syscall('sched_setattr', { pid: int, attr: data, flags: hexWord });
export const schedGetattr = syscall('sched_getattr', {
  pid: int,
  attr: out,
  size: uint,
  flags: hexWord,
});
export const schedGetaffinity = syscall(
  'sched_getaffinity',
  { pid: int, len: uint, mask: out },
  'count',
);
export const schedSetaffinity = syscall('sched_setaffinity', { pid: int, len: uint, mask: data });
export const ioprioGet = syscall('ioprio_get', { which: int, who: int }, 'value');
export const ioprioSet = syscall('ioprio_set', { which: int, who: int, ioprio: hexWord });
export const getitimer = syscall('getitimer', { which: int, curr_value: out });
export const setitimer = syscall('setitimer', { which: int, new_value: data, old_value: out });

export const clockGettime = syscall('clock_gettime', { clockid: oneOf(clocks), tp: out });
export const timerCreate = syscall('timer_create', { clockid: int, sevp: data, timerid: out });
export const timerSettime = syscall('timer_settime', {
  timerid: int,
  flags: hexWord,
  new_value: data,
  old_value: out,
});
export const timerGettime = syscall('timer_gettime', { timerid: int, curr_value: out });
export const timerGetoverrun = syscall('timer_getoverrun', { timerid: int }, 'count');
export const timerDelete = syscall('timer_delete', { timerid: int });

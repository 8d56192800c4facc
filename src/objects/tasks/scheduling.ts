/**
 * How each thread is scheduled: policy, nice value or priority, CPUs, timer slack, and the priority of its I/O.
 * sched(7), ioprio_set(2). A restored thread starts with woodfrog's own; only what differs takes a step. Before the
 * credentials, as most of it takes rights that they may take away.
 */
import {
  ioprioGet,
  ioprioSet,
  schedSetaffinity,
  schedSetattr,
  setpriority,
} from '../../linux/syscalls/tasks.js';
import { PR_GET_TIMERSLACK, PR_SET_TIMERSLACK } from '../../linux/uapi/prctl.js';
import {
  IOPRIO_CLASS_BE,
  IOPRIO_CLASS_IDLE,
  IOPRIO_CLASS_RT,
  IOPRIO_CLASS_SHIFT,
  IOPRIO_WHO_PROCESS,
  SCHED_BATCH,
  SCHED_CAPACITY_SCALE,
  SCHED_DEADLINE,
  SCHED_EXT,
  SCHED_FIFO,
  SCHED_FLAG_RESET_ON_FORK,
  SCHED_IDLE,
  SCHED_OTHER,
  SCHED_RESET_ON_FORK,
  SCHED_RR,
  sched_attr,
} from '../../linux/uapi/sched.js';
import { refused, unsupported } from '../../support/errors.js';
import { defineTaskState } from '../kinds.js';
import { CPU_MASK_SIZE, cpusIn, readAffinity, readSched, type SchedAttr } from '../own-task.js';
import { answer, askPrctl, setPrctl } from './common.js';

const POLICIES = [SCHED_OTHER, SCHED_FIFO, SCHED_RR, SCHED_BATCH, SCHED_IDLE];
const UNSUPPORTED_POLICIES = new Map([
  [SCHED_DEADLINE, 'SCHED_DEADLINE'],
  [SCHED_EXT, 'SCHED_EXT'],
]);
const PRIO_PROCESS = 0;
/** Policies that sched_setattr(2) takes a nice value with. */
const hasNice = (policy: number): boolean => policy === SCHED_OTHER || policy === SCHED_BATCH;
const isRealtime = (policy: number): boolean => policy === SCHED_FIFO || policy === SCHED_RR;

interface Seen {
  attr: SchedAttr;
  /** The time slice of threads that have not asked for one; none for real-time policies. */
  usualRuntime: bigint;
}

export const schedulingPolicy = defineTaskState<Seen>({
  name: 'scheduling policy',
  scope: 'thread',
  observe: (port, { thread }) => ({
    attr: readSched(port, thread.tid),
    usualRuntime: port.own.sched.sched_runtime,
  }),
  inspect({ thread: { stat }, seen: { attr, usualRuntime } }) {
    refuseUnsupported(attr);
    const { sched_policy: policy, sched_priority, sched_runtime } = attr;
    const resets = (attr.sched_flags & BigInt(SCHED_FLAG_RESET_ON_FORK)) !== 0n;
    return {
      thread_core: {
        // sched_getattr(2) leaves it out for real-time threads, which go back to it with another policy.
        sched_nice: stat.nice,
        sched_policy: resets ? policy | SCHED_RESET_ON_FORK : policy,
        ...(isRealtime(policy) ? { sched_prio: sched_priority } : {}),
        ...(!isRealtime(policy) && sched_runtime !== usualRuntime ? { sched_runtime } : {}),
      },
    };
  },
  rebuild({ core, track }, { port }) {
    const {
      sched_policy = 0,
      sched_nice = 0,
      sched_prio = 0,
      sched_runtime,
    } = core.thread_core ?? {};
    const policy = sched_policy & ~SCHED_RESET_ON_FORK;
    const flags = (sched_policy & SCHED_RESET_ON_FORK) === 0 ? 0 : SCHED_FLAG_RESET_ON_FORK;
    const wanted = {
      size: sched_attr.size,
      sched_policy: policy,
      sched_flags: BigInt(flags),
      sched_nice,
      sched_priority: sched_prio,
      sched_runtime: sched_runtime ?? 0n,
    };
    refuseUnsupported({ ...wanted, sched_util_min: 0, sched_util_max: 0 });
    const { own } = port;
    const isSame =
      own.sched.sched_policy === policy &&
      own.sched.sched_nice === sched_nice &&
      own.sched.sched_priority === sched_prio &&
      own.sched.sched_flags === wanted.sched_flags &&
      sched_runtime === undefined;
    if (isSame) return;
    const attr = sched_attr.encode(wanted);
    track.at('credentials').call(schedSetattr, { pid: 0, attr, flags: 0 });
    if (!hasNice(policy) && own.sched.sched_nice !== sched_nice) {
      track.call(setpriority, { which: PRIO_PROCESS, who: 0, prio: sched_nice });
    }
  },
});

type Judged = Pick<SchedAttr, 'sched_policy' | 'sched_util_min' | 'sched_util_max'>;

function refuseUnsupported({ sched_policy, sched_util_min, sched_util_max }: Judged): void {
  if (!POLICIES.includes(sched_policy)) {
    const name = UNSUPPORTED_POLICIES.get(sched_policy) ?? `scheduling policy ${sched_policy}`;
    throw unsupported(`${name} is not supported`, {
      remedy: 'give the thread another policy first: chrt --other --pid 0 TID',
    });
  }
  // A kernel without clamps says 0 and 0; real-time threads have the highest minimum by default.
  const isUsual =
    (sched_util_min === 0 ||
      (isRealtime(sched_policy) && sched_util_min === SCHED_CAPACITY_SCALE)) &&
    (sched_util_max === 0 || sched_util_max === SCHED_CAPACITY_SCALE);
  if (isUsual) return;
  throw unsupported(`utilization clamps ${sched_util_min} to ${sched_util_max} are not supported`, {
    remedy: 'reset them first: uclampset -m -1 -M -1 --pid TID',
  });
}

interface SeenCpus {
  cpus: number[];
  online: number[];
}

export const cpuAffinity = defineTaskState<SeenCpus>({
  name: 'CPU affinity',
  scope: 'thread',
  observe: (port, { thread }) => ({
    cpus: readAffinity(port, thread.tid),
    online: port.own.onlineCpus,
  }),
  inspect({ seen: { cpus, online } }) {
    if (online.every((cpu) => cpus.includes(cpu))) return {};
    return { thread_core: { cpu_affinity: maskOf(cpus) } };
  },
  rebuild({ core, track }, { port: { own } }) {
    const { cpu_affinity: mask } = core.thread_core ?? {};
    if (mask === undefined) {
      if (own.onlineCpus.every((cpu) => own.affinity.includes(cpu))) return;
      // Only those that exist, and that its cpuset allows, take part.
      const all = new Uint8Array(CPU_MASK_SIZE).fill(0xff);
      track.at('credentials').call(schedSetaffinity, { pid: 0, len: all.length, mask: all });
      return;
    }
    const cpus = cpusIn(mask);
    if (!cpus.some((cpu) => own.onlineCpus.includes(cpu))) {
      throw refused(`it may run on CPU ${cpus.join(', ')} only, none of which is online here`, {
        remedy: 'restore on a machine with these CPUs, or widen its affinity before the dump',
      });
    }
    track.at('credentials').call(schedSetaffinity, { pid: 0, len: mask.length, mask });
  },
});

const WORD = 8;

/** Whole 64-bit words, as the system call wants. */
function maskOf(cpus: readonly number[]): Uint8Array {
  const last = Math.max(...cpus);
  const mask = new Uint8Array(WORD * Math.ceil((last + 1) / (8 * WORD)));
  for (const cpu of cpus) {
    const at = Math.floor(cpu / 8);
    mask[at] = (mask[at] ?? 0) | (1 << (cpu % 8));
  }
  return mask;
}

const DEFAULT_TIMER_SLACK_NS = 50_000;

/** Real-time threads have none, and get the default back with another policy. */
export const timerSlack = defineTaskState<undefined, number>({
  name: 'timer slack',
  scope: 'thread',
  probe(tape) {
    const asked = askPrctl(tape, PR_GET_TIMERSLACK);
    return () => answer(asked(), 'prctl(PR_GET_TIMERSLACK)');
  },
  inspect: ({ probed }) =>
    probed === 0 || probed === DEFAULT_TIMER_SLACK_NS
      ? {}
      : { thread_core: { timer_slack_ns: probed } },
  rebuild({ core, track }, { port: { own } }) {
    const slack = core.thread_core?.timer_slack_ns ?? DEFAULT_TIMER_SLACK_NS;
    if (slack === own.timerSlackNs) return;
    setPrctl(track, 'threads', { option: PR_SET_TIMERSLACK, arg2: slack });
  },
});

export const ioPriority = defineTaskState<{ ioprio: number; attr?: SchedAttr }>({
  name: 'I/O priority',
  scope: 'thread',
  observe(port, { thread: { tid } }) {
    const ioprio = port.call(ioprioGet, { which: IOPRIO_WHO_PROCESS, who: tid });
    return ioprio === 0 ? { ioprio } : { ioprio, attr: readSched(port, tid) };
  },
  inspect: ({ seen: { ioprio, attr } }) =>
    attr === undefined || ioprio === usualIoprio(attr) ? {} : { thread_core: { ioprio } },
  rebuild({ core, track }, { port: { own } }) {
    const { ioprio } = core.thread_core ?? {};
    if (ioprio === undefined && (own.ioprio === 0 || own.ioprio === usualIoprio(own.sched))) return;
    track
      .at('credentials')
      .call(ioprioSet, { which: IOPRIO_WHO_PROCESS, who: 0, ioprio: ioprio ?? 0 });
  },
});

/** What the kernel says of a thread that never set one but has done I/O (task_nice_ioprio, task_nice_ioclass). */
function usualIoprio({ sched_policy, sched_nice }: SchedAttr): number {
  const usual = isRealtime(sched_policy)
    ? IOPRIO_CLASS_RT
    : sched_policy === SCHED_IDLE
      ? IOPRIO_CLASS_IDLE
      : IOPRIO_CLASS_BE;
  return (usual << IOPRIO_CLASS_SHIFT) + Math.floor((sched_nice + 20) / 5);
}

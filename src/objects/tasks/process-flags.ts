/** Choices of a process or thread that it makes, and can be asked for, by prctl(2) or membarrier(2). */
import { EINVAL, ENODEV } from '../../linux/errno.js';
import { membarrier } from '../../linux/syscalls/tasks.js';
import {
  MEMBARRIER_CMD_GET_REGISTRATIONS,
  PR_GET_CHILD_SUBREAPER,
  PR_GET_SPECULATION_CTRL,
  PR_GET_TSC,
  PR_MCE_KILL,
  PR_MCE_KILL_DEFAULT,
  PR_MCE_KILL_GET,
  PR_MCE_KILL_SET,
  PR_SET_CHILD_SUBREAPER,
  PR_SET_IO_FLUSHER,
  PR_SET_SPECULATION_CTRL,
  PR_SET_TSC,
  PR_SPEC_DISABLE,
  PR_SPEC_ENABLE,
  PR_SPEC_INDIRECT_BRANCH,
  PR_SPEC_L1D_FLUSH,
  PR_SPEC_PRCTL,
  PR_SPEC_STORE_BYPASS,
  PR_TSC_ENABLE,
} from '../../linux/uapi/prctl.js';
import { viewOf } from '../../support/bytes.js';
import { defineTaskState } from '../kinds.js';
import { answer, askPrctl, setPrctl } from './common.js';

const INT_SIZE = 4;

/** PR_SET_CHILD_SUBREAPER(2const): after helpers have ended, whose orphans must not come to it. */
export const childSubreaper = defineTaskState<undefined, boolean>({
  name: 'child subreaper',
  scope: 'process',
  probe(tape) {
    const place = tape.reserve(INT_SIZE);
    const asked = askPrctl(tape, PR_GET_CHILD_SUBREAPER, place);
    return () => {
      answer(asked(), 'prctl(PR_GET_CHILD_SUBREAPER)');
      return viewOf(place.read()).getInt32(0, true) !== 0;
    };
  },
  inspect: ({ probed }) => ({ tc: { child_subreaper: probed } }),
  rebuild({ core, track }) {
    if (core.tc?.child_subreaper) {
      setPrctl(track, 'threads', { option: PR_SET_CHILD_SUBREAPER, arg2: 1 });
    }
  },
});

/** membarrier(2): each bit is the command that registers. Before Linux 6.3 nothing tells of them. */
export const membarriers = defineTaskState<undefined, number>({
  name: 'membarrier registrations',
  scope: 'process',
  table: 'vm_id',
  probe(tape) {
    const cmd = MEMBARRIER_CMD_GET_REGISTRATIONS;
    const asked = tape.call(membarrier, { cmd, flags: 0, cpu_id: 0 });
    return () => asked.result();
  },
  inspect: ({ probed }) => (probed <= 0 ? {} : { tc: { membarrier_registration_mask: probed } }),
  rebuild({ core, track }) {
    const mask = core.tc?.membarrier_registration_mask ?? 0;
    for (let bit = 0; bit < 32; bit++) {
      const cmd = (1 << bit) >>> 0;
      if ((mask & cmd) === 0) continue;
      track.at('task state').call(membarrier, { cmd, flags: 0, cpu_id: 0 });
    }
  },
});

/** include/linux/sched.h: both, and for good, with PR_SET_IO_FLUSHER. PR_GET_IO_FLUSHER takes CAP_SYS_RESOURCE. */
const PF_MEMALLOC_NOIO = 0x0008_0000;
const PF_LOCAL_THROTTLE = 0x0010_0000;
const PF_IO_FLUSHER = PF_MEMALLOC_NOIO | PF_LOCAL_THROTTLE;

export const ioFlusher = defineTaskState({
  name: 'I/O flusher flag',
  scope: 'thread',
  inspect: ({ thread: { stat } }) =>
    (stat.flags & PF_IO_FLUSHER) === PF_IO_FLUSHER ? { thread_core: { io_flusher: true } } : {},
  rebuild({ core, track }) {
    if (core.thread_core?.io_flusher) {
      setPrctl(track, 'threads', { option: PR_SET_IO_FLUSHER, arg2: 1 });
    }
  },
});

/** PR_MCE_KILL(2const): what happens at a memory error. */
export const memoryErrorPolicy = defineTaskState<undefined, number>({
  name: 'memory error policy',
  scope: 'thread',
  probe(tape) {
    const asked = askPrctl(tape, PR_MCE_KILL_GET);
    return () => answer(asked(), 'prctl(PR_MCE_KILL_GET)');
  },
  inspect: ({ probed }) =>
    probed === PR_MCE_KILL_DEFAULT ? {} : { thread_core: { mce_kill: probed } },
  rebuild({ core, track }) {
    const { mce_kill } = core.thread_core ?? {};
    if (mce_kill === undefined) return;
    setPrctl(track, 'threads', { option: PR_MCE_KILL, arg2: PR_MCE_KILL_SET, arg3: mce_kill });
  },
});

/** PR_SET_TSC(2const): whether reading the time stamp counter is an error. */
export const timeStampCounter = defineTaskState<undefined, number>({
  name: 'time stamp counter access',
  scope: 'thread',
  probe(tape) {
    const place = tape.reserve(INT_SIZE);
    const asked = askPrctl(tape, PR_GET_TSC, place);
    return () => {
      answer(asked(), 'prctl(PR_GET_TSC)');
      return viewOf(place.read()).getInt32(0, true);
    };
  },
  inspect: ({ probed }) => (probed === PR_TSC_ENABLE ? {} : { thread_core: { tsc_sigsegv: true } }),
  rebuild({ core, track }) {
    // PR_TSC_SIGSEGV.
    if (core.thread_core?.tsc_sigsegv) setPrctl(track, 'threads', { option: PR_SET_TSC, arg2: 2 });
  },
});

const SPECULATION = [
  { which: PR_SPEC_STORE_BYPASS, field: 'spec_store_bypass', usual: PR_SPEC_ENABLE },
  { which: PR_SPEC_INDIRECT_BRANCH, field: 'spec_indirect_branch', usual: PR_SPEC_ENABLE },
  { which: PR_SPEC_L1D_FLUSH, field: 'spec_l1d_flush', usual: PR_SPEC_DISABLE },
] as const;

/** PR_SET_SPECULATION_CTRL(2const): only where the kernel leaves the choice to the task. */
export const speculation = defineTaskState<undefined, number[]>({
  name: 'speculation control',
  scope: 'thread',
  probe(tape) {
    const asked = SPECULATION.map(({ which }) => askPrctl(tape, PR_GET_SPECULATION_CTRL, which));
    return () => asked.map((ask) => withoutFailure(ask()));
  },
  inspect({ probed }) {
    const chosen = SPECULATION.flatMap(({ field, usual }, i) => {
      const value = probed[i] ?? 0;
      const isChoice = (value & PR_SPEC_PRCTL) !== 0 && value !== (PR_SPEC_PRCTL | usual);
      return isChoice ? [[field, value & ~PR_SPEC_PRCTL]] : [];
    });
    return { thread_core: Object.fromEntries(chosen) };
  },
  rebuild({ core, track }) {
    for (const { which, field } of SPECULATION) {
      const value = core.thread_core?.[field];
      if (value === undefined) continue;
      setPrctl(track, 'threads', { option: PR_SET_SPECULATION_CTRL, arg2: which, arg3: value });
    }
  },
});

/** ENODEV and EINVAL: a kernel or processor that does not have this control leaves no choice. */
const withoutFailure = (result: number): number =>
  result === -ENODEV || result === -EINVAL ? 0 : answer(result, 'prctl(PR_GET_SPECULATION_CTRL)');

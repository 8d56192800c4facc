/** Where the shape of our images differs from CRIU's on purpose, in the order of the paths. */
import type { Difference } from './shape.js';

export interface KnownDifference extends Difference {
  reason: string;
}

const restart = (of: 'leader' | 'thread'): KnownDifference => ({
  path: `core-%u.img (${of}): thread_info.gpregs.restart (uint32)`,
  golden: 'never',
  ours: 'always',
  reason: 'ours alone: how the call that is issued again was interrupted, for signals that wait',
});

const accounted: KnownDifference = {
  path: 'mm-%u.img: vmas.accounted (bool)',
  golden: 'never',
  ours: 'sometimes',
  reason:
    'ours alone (a field that CRIU skips): a private mapping that was writable once counts as committed memory',
};

const cpuinfo: KnownDifference = {
  path: 'cpuinfo.img',
  golden: 'never',
  ours: 'always',
  reason: 'CRIU records the processor only with --cpu-cap, and reads what is there only with it',
};

export const DIFFERENCES: Readonly<Record<'loop' | 'tasks', readonly KnownDifference[]>> = {
  loop: [restart('leader'), cpuinfo, accounted],
  tasks: [restart('leader'), restart('thread'), cpuinfo, accounted],
};

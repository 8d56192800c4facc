/** Where the shape of our images differs from CRIU's on purpose, in the order of the paths. */
import type { Difference } from './shape.js';

export interface KnownDifference extends Difference {
  reason: string;
}

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
  loop: [cpuinfo, accounted],
  tasks: [cpuinfo, accounted],
};

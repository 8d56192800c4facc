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

export const DIFFERENCES: Readonly<Record<'loop' | 'tasks', readonly KnownDifference[]>> = {
  loop: [accounted],
  tasks: [accounted],
};

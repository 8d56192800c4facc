/**
 * Choices that hold for a whole address space: no transparent huge pages, no writable memory made executable, all of
 * it merged with equal pages, what a core dump contains. prctl(2), core(5). A puppet may have inherited any of them.
 */
import { EINVAL } from '../../linux/errno.js';
import {
  PR_GET_MDWE,
  PR_GET_MEMORY_MERGE,
  PR_GET_THP_DISABLE,
  PR_SET_MDWE,
  PR_SET_MEMORY_MERGE,
  PR_SET_THP_DISABLE,
} from '../../linux/uapi/prctl.js';
import { defineTaskState } from '../kinds.js';
import { answer, askPrctl, setPrctl } from './common.js';

/** The result, or 0 on a kernel that does not know the option. */
const orUnknown = (result: number, call: string): number =>
  result === -EINVAL ? 0 : answer(result, call);

export const hugePages = defineTaskState<undefined, number>({
  name: 'transparent huge page switch',
  scope: 'process',
  table: 'vm_id',
  probe(tape) {
    const asked = askPrctl(tape, PR_GET_THP_DISABLE);
    return () => answer(asked(), 'prctl(PR_GET_THP_DISABLE)');
  },
  inspect({ probed }) {
    const flags = probed & ~1;
    return {
      mm: { thp_disabled: probed !== 0, ...(flags === 0 ? {} : { thp_disable_flags: flags }) },
    };
  },
  rebuild({ track, process: { mm } }) {
    setPrctl(track, 'task state', {
      option: PR_SET_THP_DISABLE,
      arg2: mm.thp_disabled ? 1 : 0,
      arg3: mm.thp_disabled ? (mm.thp_disable_flags ?? 0) : 0,
    });
  },
});

/** PR_SET_MDWE(2const): after all mappings are made, and for good. */
export const denyWriteExecute = defineTaskState<undefined, number>({
  name: 'memory-deny-write-execute',
  scope: 'process',
  table: 'vm_id',
  probe(tape) {
    const asked = askPrctl(tape, PR_GET_MDWE);
    return () => orUnknown(asked(), 'prctl(PR_GET_MDWE)');
  },
  inspect: ({ probed }) => (probed === 0 ? {} : { mm: { mdwe: probed } }),
  rebuild({ track, process: { mm } }) {
    if (mm.mdwe) setPrctl(track, 'task state', { option: PR_SET_MDWE, arg2: mm.mdwe });
  },
});

/** PR_SET_MEMORY_MERGE: Linux 6.4, of kernel samepage merging. */
export const memoryMerge = defineTaskState<undefined, number>({
  name: 'merging of equal pages',
  scope: 'process',
  table: 'vm_id',
  probe(tape) {
    const asked = askPrctl(tape, PR_GET_MEMORY_MERGE);
    return () => orUnknown(asked(), 'prctl(PR_GET_MEMORY_MERGE)');
  },
  inspect: ({ probed }) => (probed === 0 ? {} : { mm: { memory_merge: true } }),
  rebuild({ track, process: { mm } }) {
    if (!mm.memory_merge) return;
    setPrctl(track, 'task state', { option: PR_SET_MEMORY_MERGE, arg2: 1 });
  },
});

/**
 * The private futex hash of an address space: how many slots it has, prctl(PR_FUTEX_HASH), Linux 6.16. The kernel gives
 * one to a process that starts threads, and makes it larger as they become more; a number that is not of its making was
 * chosen by the program, which 0 (the hash that all share) also is, beside threads.
 */
import { EINVAL } from '../../linux/errno.js';
import { prctl } from '../../linux/syscalls/tasks.js';
import {
  PR_FUTEX_HASH,
  PR_FUTEX_HASH_GET_SLOTS,
  PR_FUTEX_HASH_SET_SLOTS,
} from '../../linux/uapi/prctl.js';
import { defineTaskState } from '../kinds.js';
import { answer } from './common.js';

/** kernel/futex/core.c, futex_hash_allocate_default: at least so many, and so many for each thread that can run. */
const SLOTS_MIN = 16;
const SLOTS_PER_THREAD = 4;

export const futexHash = defineTaskState<number, number | undefined>({
  name: 'private futex hash',
  scope: 'process',
  table: 'vm_id',
  observe: (port) => port.own.onlineCpus.length,
  probe(tape) {
    const options = { option: PR_FUTEX_HASH, arg2: PR_FUTEX_HASH_GET_SLOTS };
    const asked = tape.call(prctl, { ...options, arg3: 0, arg4: 0, arg5: 0 });
    return () => {
      const result = asked.result();
      return result === -EINVAL ? undefined : answer(result, 'prctl(PR_FUTEX_HASH)');
    };
  },
  inspect({ process: { threads, endedLeader }, seen: cpuCount, probed: slots }) {
    const threadCount = threads.length + (endedLeader ? 1 : 0);
    if (slots === undefined || isOwnMaking(slots, threadCount, cpuCount)) return {};
    return { mm: { futex_hash_slots: slots } };
  },
  rebuild({ track, process: { mm } }) {
    const { futex_hash_slots: slots } = mm;
    if (slots === undefined) return;
    const options = { option: PR_FUTEX_HASH, arg2: PR_FUTEX_HASH_SET_SLOTS, arg3: slots };
    // When all threads are there: each that is born may make the hash larger.
    track.at('pending signals').call(prctl, { ...options, arg4: 0, arg5: 0 });
  },
});

/** The last thread to be born was not counted when it was. */
function isOwnMaking(slots: number, threadCount: number, cpuCount: number): boolean {
  if (threadCount === 1) return slots === 0;
  return [threadCount, threadCount - 1].some((count) => {
    const wanted = SLOTS_PER_THREAD * Math.min(count, cpuCount);
    return slots === Math.max(SLOTS_MIN, 2 ** Math.ceil(Math.log2(wanted)));
  });
}

/** Addresses that the kernel writes to when a thread ends: its tid for joiners, and its robust futexes. */
import { setRobustList, setTidAddress } from '../../linux/syscalls/tasks.js';
import { PR_GET_TID_ADDRESS } from '../../linux/uapi/prctl.js';
import { getU64, viewOf } from '../../support/bytes.js';
import { defineTaskState } from '../kinds.js';
import { answer, askPrctl } from './common.js';

/** set_tid_address(2). */
export const tidAddress = defineTaskState<undefined, number>({
  name: 'tid address',
  scope: 'thread',
  probe(tape) {
    const place = tape.reserve(8);
    const asked = askPrctl(tape, PR_GET_TID_ADDRESS, place);
    return () => {
      answer(asked(), 'prctl(PR_GET_TID_ADDRESS)');
      return getU64(viewOf(place.read()), 0);
    };
  },
  inspect: ({ probed }) => ({ thread_info: { clear_tid_addr: probed } }),
  rebuild({ core, track, vtid }) {
    const tidptr = core.thread_info?.clear_tid_addr ?? 0;
    track.at('threads').call(setTidAddress, { tidptr }, { mustEqual: vtid });
  },
});

/** struct robust_list_head. */
const ROBUST_LIST_LENGTH = 24;

/** set_robust_list(2). */
export const robustList = defineTaskState({
  name: 'robust futex list',
  scope: 'thread',
  inspect: ({ thread: { robustList } }) => ({
    thread_core: {
      futex_rla: robustList.head,
      futex_rla_len: robustList.length || ROBUST_LIST_LENGTH,
    },
  }),
  rebuild({ core, track }) {
    const { futex_rla: head, futex_rla_len: len } = core.thread_core ?? {};
    if (head) track.at('threads').call(setRobustList, { head, len: len ?? ROBUST_LIST_LENGTH });
  },
});

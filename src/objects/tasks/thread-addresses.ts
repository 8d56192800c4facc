/** Addresses that the kernel writes to when a thread ends: its tid for joiners, and its robust futexes. */
import { getRobustList32, setRobustList32 } from '../../linux/syscalls/ia32.js';
import { setRobustList, setTidAddress } from '../../linux/syscalls/tasks.js';
import { PR_GET_TID_ADDRESS } from '../../linux/uapi/prctl.js';
import { getU64, viewOf } from '../../support/bytes.js';
import { defineTaskState } from '../kinds.js';
import { is32BitCore } from './code-width.js';
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

/** struct robust_list_head, and that of 32-bit code. */
const ROBUST_LIST_LENGTH = 24;
const ROBUST_LIST_LENGTH_32 = 12;

/** set_robust_list(2). The kernel keeps a list of 32-bit code beside that of other code, and shows each its own. */
export const robustList = defineTaskState<undefined, RobustList | undefined>({
  name: 'robust futex list',
  scope: 'thread',
  probe(tape) {
    if (!tape.is32Bit) return () => undefined;
    const place = tape.reserve(8);
    const words = { head_ptr: place, len_ptr: place.address + 4 };
    const asked = tape.call(getRobustList32, { pid: 0, ...words });
    return () => {
      answer(asked.result(), 'get_robust_list');
      const view = viewOf(place.read());
      return { head: view.getUint32(0, true), length: view.getUint32(4, true) };
    };
  },
  inspect: ({ thread, probed }) => {
    const { head, length } = probed ?? thread.robustList;
    const usual = probed ? ROBUST_LIST_LENGTH_32 : ROBUST_LIST_LENGTH;
    return { thread_core: { futex_rla: head, futex_rla_len: length || usual } };
  },
  rebuild({ core, track }) {
    const { futex_rla: head, futex_rla_len } = core.thread_core ?? {};
    if (!head) return;
    const isNarrow = is32BitCore(core);
    const len = futex_rla_len ?? (isNarrow ? ROBUST_LIST_LENGTH_32 : ROBUST_LIST_LENGTH);
    track.at('threads').call(isNarrow ? setRobustList32 : setRobustList, { head, len });
  },
});

interface RobustList {
  head: number;
  length: number;
}

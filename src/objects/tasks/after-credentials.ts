/**
 * What a change of credentials resets, so that it comes after: whether a process may be dumped and traced, and the
 * signal that a thread gets when its parent dies. PR_SET_DUMPABLE(2const), PR_SET_PDEATHSIG(2const).
 */

import { setfsuid } from '../../linux/syscalls/tasks.js';
import {
  PR_GET_DUMPABLE,
  PR_GET_PDEATHSIG,
  PR_SET_DUMPABLE,
  PR_SET_PDEATHSIG,
  SUID_DUMP_ROOT,
  SUID_DUMP_USER,
} from '../../linux/uapi/prctl.js';
import type { Track } from '../../plan/track.js';
import { viewOf } from '../../support/bytes.js';
import { refused } from '../../support/errors.js';
import { defineTaskState } from '../kinds.js';
import { answer, askPrctl, setPrctl } from './common.js';

export const dumpable = defineTaskState<undefined, number>({
  name: 'dumpable flag',
  scope: 'process',
  table: 'vm_id',
  probe(tape) {
    const asked = askPrctl(tape, PR_GET_DUMPABLE);
    return () => answer(asked(), 'prctl(PR_GET_DUMPABLE)');
  },
  inspect: ({ probed }) => ({ mm: { dumpable: probed } }),
  rebuild({ track, process }, { port }) {
    const value = process.mm.dumpable ?? SUID_DUMP_USER;
    if (value === SUID_DUMP_ROOT) {
      if (port.own.suidDumpable !== SUID_DUMP_ROOT) {
        throw refused(`fs.suid_dumpable is ${port.own.suidDumpable} here, it was 2`, {
          remedy: 'sysctl fs.suid_dumpable=2 for the time of the restore',
        });
      }
      toggleFsuid(track, port.own.status.Uid[1]);
      return;
    }
    // After every thread's credentials: each change of them resets the flag, which all threads share.
    setPrctl(track, 'commit', { option: PR_SET_DUMPABLE, arg2: value });
  },
});

/**
 * The value 2 cannot be set; but a process gets fs.suid_dumpable when it changes its file system user id. Before its
 * credentials, while it still may.
 */
function toggleFsuid(track: Track, own: number): void {
  const other = own === 0 ? 1 : 0;
  track.at('pending signals').call(setfsuid, { fsuid: other });
  track.call(setfsuid, { fsuid: own }, { mustEqual: other });
}

const SIGNAL_SIZE = 4;

/** In every thread: each has its own, and its own parent thread. */
export const parentDeathSignal = defineTaskState<undefined, number>({
  name: 'parent-death signal',
  scope: 'thread',
  probe(tape) {
    const place = tape.reserve(SIGNAL_SIZE);
    const asked = askPrctl(tape, PR_GET_PDEATHSIG, place);
    return () => {
      answer(asked(), 'prctl(PR_GET_PDEATHSIG)');
      return viewOf(place.read()).getInt32(0, true);
    };
  },
  inspect: ({ probed }) => (probed === 0 ? {} : { thread_core: { pdeath_sig: probed } }),
  rebuild({ core, track }) {
    const signal = core.thread_core?.pdeath_sig ?? 0;
    if (signal !== 0) setPrctl(track, 'credentials', { option: PR_SET_PDEATHSIG, arg2: signal });
  },
});

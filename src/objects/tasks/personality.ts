/**
 * Execution domain and its flags, of each thread its own. personality(2). Images have one place per process; where a
 * thread has any, its own is in a field of ours. That the leader has that field, too, tells our images from others, in
 * which a thread without the field is like its leader.
 */
import { personality as personalityCall } from '../../linux/syscalls/tasks.js';
import { defineTaskState } from '../kinds.js';
import { answer } from './common.js';

/** Changes nothing. */
const ASK = 0xffff_ffff;

export const personality = defineTaskState<undefined, number>({
  name: 'personality',
  scope: 'thread',
  ofEndedLeader: true,
  probe(tape) {
    const asked = tape.call(personalityCall, { persona: ASK });
    return () => answer(asked.result(), 'personality');
  },
  inspect: ({ isLeader, probed }) => ({
    ...(isLeader ? { tc: { personality: probed } } : {}),
    ...(probed === 0 ? {} : { thread_core: { personality: probed } }),
  }),
  rebuild({ core, track, isLeader, process }) {
    const { tc, thread_core } = process.core;
    const leaders = tc?.personality ?? 0;
    if (isLeader) {
      track.at('task state').call(personalityCall, { persona: leaders });
      return;
    }
    const other = thread_core?.personality === undefined ? leaders : 0;
    const persona = core.thread_core?.personality ?? other;
    // A thread is born with its leader's.
    if (persona !== leaders) track.at('threads').call(personalityCall, { persona });
  },
});

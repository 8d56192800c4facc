/** Execution domain and its flags. personality(2): of each thread its own; images have one place per process. */
import { personality as personalityCall } from '../../linux/syscalls/tasks.js';
import { unsupported } from '../../support/errors.js';
import { defineTaskState } from '../kinds.js';

/** The leader's first. */
export const personality = defineTaskState<number[]>({
  name: 'personality',
  scope: 'process',
  observe: (port, { process: { pid, threads } }) =>
    threads.map(({ tid }) =>
      Number.parseInt(port.readText(`/proc/${pid}/task/${tid}/personality`), 16),
    ),
  inspect({ process: { threads }, seen }) {
    const [leader = 0, ...others] = seen;
    const other = others.findIndex((each) => each !== leader);
    if (other >= 0) {
      const { tid, stat } = threads[other + 1] ?? {};
      throw unsupported(
        `thread ${tid} (${stat?.comm}) has personality 0x${others[other]?.toString(16)}, its process 0x${leader.toString(16)}`,
        { remedy: 'call personality(2) before threads are started' },
      );
    }
    return { tc: { personality: leader } };
  },
  rebuild({ core, track }) {
    track.at('task state').call(personalityCall, { persona: core.tc?.personality ?? 0 });
  },
});

/** Timers of a process that are not saved yet: the three interval timers, and POSIX timers. */
import type { itimer_entry } from '../../images/messages/timer.js';
import type { MessageValue } from '../../images/schema.js';
import { parseTimers } from '../../linux/procfs/timers.js';
import { getitimer } from '../../linux/syscalls/tasks.js';
import { itimerval } from '../../linux/uapi/sched.js';
import { unsupported } from '../../support/errors.js';
import { defineTaskState } from '../kinds.js';
import { answer } from './common.js';

type Entry = MessageValue<typeof itimer_entry>;

/** setitimer(2), in the order of their numbers. */
const ITIMERS = ['ITIMER_REAL', 'ITIMER_VIRTUAL', 'ITIMER_PROF'] as const;
const NOT_ARMED: Entry = { isec: 0, iusec: 0, vsec: 0, vusec: 0 };

export const intervalTimers = defineTaskState<undefined, boolean[]>({
  name: 'interval timer',
  scope: 'process',
  probe(tape) {
    const asked = ITIMERS.map((_, which) => {
      const curr_value = tape.reserve(itimerval.size);
      return { curr_value, call: tape.call(getitimer, { which, curr_value }) };
    });
    return () =>
      asked.map(({ curr_value, call }) => {
        answer(call.result(), 'getitimer');
        return curr_value.read().some((byte) => byte !== 0);
      });
  },
  inspect({ probed }) {
    refuseArmed(probed, 'saved');
    return { tc: { timers: { real: NOT_ARMED, virt: NOT_ARMED, prof: NOT_ARMED, posix: [] } } };
  },
  rebuild({ core }) {
    const { timers } = core.tc ?? {};
    if (timers) refuseArmed([timers.real, timers.virt, timers.prof].map(isArmed), 'restored');
  },
});

const isArmed = ({ isec, iusec, vsec, vusec }: Entry): boolean => isec + iusec + vsec + vusec !== 0;

function refuseArmed(armed: readonly boolean[], done: 'saved' | 'restored'): void {
  const names = ITIMERS.filter((_, which) => armed[which]);
  if (names.length === 0) return;
  throw unsupported(`${names.join(', ')} is armed: interval timers are not ${done} yet`, {
    remedy: 'checkpoint the program while it has no alarm(2) or setitimer(2) running',
  });
}

/** timer_create(2). /proc/PID/timers needs CONFIG_CHECKPOINT_RESTORE. */
export const posixTimerList = defineTaskState<number[]>({
  name: 'POSIX timer',
  scope: 'process',
  observe: (port, { process }) =>
    parseTimers(port.readText(`/proc/${process.task}/timers`)).map(({ id }) => id),
  inspect({ seen }) {
    refuseTimers(seen, 'saved');
    return {};
  },
  rebuild({ core }) {
    const posix = core.tc?.timers?.posix ?? [];
    refuseTimers(
      posix.map(({ it_id }) => it_id),
      'restored',
    );
  },
});

function refuseTimers(ids: readonly number[], done: 'saved' | 'restored'): void {
  if (ids.length === 0) return;
  throw unsupported(`it has POSIX timer ${ids.join(', ')}: POSIX timers are not ${done} yet`, {
    remedy: 'checkpoint the program while it has no timer of timer_create(2)',
  });
}

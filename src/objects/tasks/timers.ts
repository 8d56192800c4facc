/**
 * Timers of a process: the three of setitimer(2), and those of timer_create(2). What is left of each is read while the
 * process is frozen, and goes on from there; a signal that one sent before is among the pending ones. Linux shows
 * POSIX timers in /proc/PID/timers (CONFIG_CHECKPOINT_RESTORE) to whoever may read it, their settings only to the
 * process itself.
 */
import type { ProcessView } from '../../checkpoint/views.js';
import type { itimer_entry } from '../../images/messages/timer.js';
import type { MessageValue } from '../../images/schema.js';
import { type PosixExpiries, parseTimerList } from '../../linux/procfs/timer-list.js';
import { parseTimers } from '../../linux/procfs/timers.js';
import { isOfRealTimer, SIGEV_NONE, siginfo } from '../../linux/signal.js';
import { getitimer, setitimer, timerGetoverrun, timerGettime } from '../../linux/syscalls/tasks.js';
import { CLOCK_REALTIME, itimerspec, itimerval } from '../../linux/uapi/sched.js';
import type { Track } from '../../plan/track.js';
import { defineTaskState, type ProbeTape } from '../kinds.js';
import type { DumpPort } from '../ports.js';
import { answer } from './common.js';
import { findMakers } from './posix-timer-makers.js';
import { rebuildPosixTimers } from './posix-timer-steps.js';
import { inspectPosixTimer, type MadeTimer, type PosixTimerSetting } from './posix-timers.js';
import { lookAtExpiry } from './timer-looks.js';

type IntervalTimer = MessageValue<typeof itimer_entry>;

/** setitimer(2), in the order of their numbers. */
const ITIMERS = ['ITIMER_REAL', 'ITIMER_VIRTUAL', 'ITIMER_PROF'] as const;

interface Probed {
  intervals: IntervalTimer[];
  posix: PosixTimerSetting[];
}

/** At a timer that may be absolute; each takes time. */
const LOOKS = 3;
const MANY = 100;

interface Seen {
  timers: MadeTimer[];
  /** Where a timer of CLOCK_REALTIME may be absolute, and the kernel says what it has queued. */
  queued?: PosixExpiries | undefined;
}

export const timers = defineTaskState<Seen, Probed>({
  name: 'timers',
  scope: 'process',
  observe(port, { process }) {
    const text = port.readText(`/proc/${process.task}/timers`);
    const found = parseTimers(text).sort((a, b) => a.id - b.id);
    return { timers: found, queued: found.some(mayBeAbsolute) ? queuedTimers(port) : undefined };
  },
  observeWithin: (within, { process, seen }) => ({
    ...seen,
    timers: findMakers(within, process, seen.timers),
  }),
  probesAlone: ({ seen }) => seen.timers.length > 0,
  probe(tape, own) {
    const intervals = ITIMERS.map((_, which) => askInterval(tape, which));
    const lookCount = (own?.seen.timers.length ?? 0) > MANY ? 1 : LOOKS;
    const posix = (own?.seen.timers ?? []).map((timer) => askPosix(tape, timer, lookCount));
    return () => ({
      intervals: intervals.map((read) => read()),
      posix: posix.map((read) => read()),
    });
  },
  queuesSignals: (seen) => seen.timers.length > 0,
  inspect({ process, seen: { queued }, probed: { intervals, posix } }) {
    const [asked, virt, prof] = intervals as [IntervalTimer, IntervalTimer, IntervalTimer];
    const real = hasRunOff(process) ? { ...asked, vsec: 0, vusec: 0 } : asked;
    const entries = posix.map((setting) => inspectPosixTimer(setting, process, queued));
    return { tc: { timers: { real, virt, prof, posix: entries } } };
  },
  rebuild({ core, track, process }, context) {
    const { timers: saved } = core.tc ?? {};
    if (saved === undefined) return;
    // First: they may take a signal of their own, which an interval timer could have sent otherwise.
    rebuildPosixTimers(saved.posix, process, context);
    [saved.real, saved.virt, saved.prof].forEach((entry, which) => {
      armInterval(track, which, entry);
    });
  },
});

/** One that notifies nobody is in no queue. */
const mayBeAbsolute = ({ clockid, notify }: MadeTimer): boolean =>
  clockid === CLOCK_REALTIME && notify !== SIGEV_NONE;

/** Who may not read it restores all timers with what was left of them. */
function queuedTimers(port: DumpPort): PosixExpiries | undefined {
  const text = port.attemptReadText('/proc/timer_list');
  return typeof text === 'number' ? undefined : parseTimerList(text);
}

/** Whether the signal of ITIMER_REAL came after the timer may have been asked: nothing is left of it. */
const hasRunOff = ({ lateSignals }: ProcessView): boolean =>
  lateSignals.some((info) => isOfRealTimer(siginfo.decode(info)));

function askInterval(tape: ProbeTape, which: number): () => IntervalTimer {
  const curr_value = tape.reserve(itimerval.size);
  const asked = tape.call(getitimer, { which, curr_value });
  return () => {
    answer(asked.result(), 'getitimer');
    const now = itimerval.decode(curr_value.read());
    return {
      ...{ isec: now.interval_sec, iusec: now.interval_usec },
      ...{ vsec: now.value_sec, vusec: now.value_usec },
    };
  };
}

function askPosix(tape: ProbeTape, timer: MadeTimer, lookCount: number): () => PosixTimerSetting {
  const timerid = timer.id;
  const curr_value = tape.reserve(itimerspec.size);
  const due = mayBeAbsolute(timer) ? lookAtExpiry(tape, timerid, lookCount) : undefined;
  const asked = tape.call(timerGettime, { timerid, curr_value });
  const overrun = tape.call(timerGetoverrun, { timerid });
  return () => {
    answer(asked.result(), 'timer_gettime');
    const { it_interval, it_value } = itimerspec.decode(curr_value.read());
    const missed = answer(overrun.result(), 'timer_getoverrun');
    return { timer, it_interval, it_value, overrun: missed, ...(due && { due: due() }) };
  };
}

const ITIMER_REAL = 0;

/**
 * Last of all: its signal is blocked until the thread goes on, but time runs. ITIMER_REAL is started again by the
 * kernel only when its signal is taken; as long as that is pending the timer has an interval and nothing left. To set
 * that would stop it: so it runs off at once, into the signal that is pending anyway.
 */
function armInterval(
  track: Track,
  which: number,
  { isec, iusec, vsec, vusec }: IntervalTimer,
): void {
  const hasInterval = isec + iusec > 0;
  if (!hasInterval && vsec + vusec === 0) return;
  const waits = which === ITIMER_REAL && hasInterval && vsec + vusec === 0;
  const new_value = itimerval.encode({
    ...{ interval_sec: isec, interval_usec: iusec },
    ...{ value_sec: vsec, value_usec: waits ? 1 : vusec },
  });
  const object = ITIMERS[which] ?? `timer ${which}`;
  track.at('commit').call(setitimer, { which, new_value, old_value: 0 }, { object });
}

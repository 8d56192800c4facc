import { kernelTest } from '../../support/kernel.js';
import { sleep } from '../../support/wait.js';

const cases: readonly [string, string][] = [
  ['real', 'ITIMER_REAL keeps what is left and its interval'],
  ['virtual', 'ITIMER_VIRTUAL keeps what is left and its interval'],
  ['prof', 'ITIMER_PROF keeps what is left and its interval'],
  ['ticking', 'an interval timer goes on ticking'],
  ['expired', 'an interval timer whose signal was pending goes on once it is taken'],
  ['clocks', 'POSIX timers of every clock keep id, value, time left and interval'],
  ['absolute', 'absolute POSIX timers keep what was left'],
  ['wall', 'absolute POSIX timers of the clock of the day keep their time'],
  ['thread', 'POSIX timers notify the thread they notified, and measure its CPU time'],
  ['callback', 'SIGEV_THREAD calls its function'],
  ['sparse', 'POSIX timers with gaps between their ids'],
  ['many', 'a thousand POSIX timers'],
  ['pending', 'a pending signal of a POSIX timer is still one, and the timer goes on'],
  ['overrun', 'overruns of POSIX timers'],
  ['shots', 'no signal of a timer is lost in the freeze, and none comes twice'],
];

const criuFails = new Map([
  ['wall', 'what was left is what is restored'],
  ['overrun', 'overruns are not restored'],
  ['shots', 'signals of timers that run off in the freeze are lost'],
]);

for (const [name, what] of cases) {
  const expected = criuFails.get(name);
  kernelTest({
    name: what,
    program: 'timers/timers.c',
    args: [name],
    rounds: name === 'clocks' || name === 'sparse' ? 2 : 1,
    betweenRuns: () => sleep(100),
    // An alarm comes meanwhile.
    ...(name === 'wall' ? { ignore: [/status\.ShdPnd$/] } : {}),
    // The C library's thread blocks all signals while it starts another one.
    ...(name === 'callback' ? { ignore: [/\/task\/\d+\/status\.SigBlk$/] } : {}),
    ...(expected === undefined ? {} : { criuFails: expected }),
  });
}

const threadCases: readonly [string, string][] = [
  ['clocks', 'POSIX timers of CLOCK_THREAD_CPUTIME_ID measure the thread that made them'],
  ['near', 'POSIX timers of CLOCK_THREAD_CPUTIME_ID run off by the time of their thread'],
  ['profile', 'POSIX timers of threads that work all the time, as a profiler has them'],
  ['leader-gone', 'POSIX timers of a thread whose main thread has ended'],
  ['many', 'a hundred threads with a timer of CLOCK_THREAD_CPUTIME_ID each'],
];

for (const [name, what] of threadCases) {
  kernelTest({
    name: what,
    program: 'timers/thread-clocks.c',
    args: [name],
    rounds: name === 'clocks' ? 2 : 1,
    // Of a leader that has ended: it needs no mask any more.
    ...(name === 'leader-gone' ? { ignore: [/^\d+\/status\.SigBlk/] } : {}),
    criuFails: 'it makes them all in the main thread, and refuses leaders that have ended',
  });
}

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { firstBetween, parseTimerList } from './timer-list.js';

// Linux 6.18, shortened.
const LIST = `Timer List Version: v0.10
HRTIMER_MAX_CLOCK_BASES: 8
now at 27174785923364 nsecs

cpu: 0
 clock 0:
  .base:       000000006396bef3
  .index:      0
  .resolution: 1 nsecs
  .offset:     0 nsecs
active timers:
 #0: <0000000071db5790>, tick_nohz_handler, S:01
 # expires at 27174788000000-27174788000000 nsecs [in 2076636 to 2076636 nsecs]
 #1: <00000000d341ff10>, posix_timer_fn, S:01
 # expires at 27174953298163-27174953298163 nsecs [in 167374799 to 167374799 nsecs]
 clock 1:
  .base:       0000000074af51ba
  .index:      1
  .resolution: 1 nsecs
  .offset:     1795189052188962388 nsecs
active timers:
 #0: <00000000a964db2a>, posix_timer_fn, S:01
 # expires at 1795217227087257030-1795217227087257030 nsecs [in 999997677909 to 999997677909 nsecs]
 #1: <00000000a964db2b>, timerfd_tmrproc, S:01
 # expires at 1795217227087257031-1795217227087257031 nsecs [in 999997677910 to 999997677910 nsecs]
 clock 2:
  .base:       0000000074af51bb
  .index:      2
  .resolution: 1 nsecs
  .offset:     0 nsecs
active timers:
 #0: <00000000a964db2c>, posix_timer_fn, S:01
 # expires at 7-7 nsecs [in 5 to 5 nsecs]
`;

test('POSIX timers are told apart by the clock they are queued at', () => {
  assert.deepEqual(parseTimerList(LIST), {
    monotonic: [27_174_953_298_163n],
    realtime: [1_795_217_227_087_257_030n],
    offset: 1_795_189_052_188_962_388n,
  });
  assert.equal(parseTimerList('Timer List Version: v0.10\n'), undefined);
});

test('the first of ascending values in a span', () => {
  const values = [3n, 5n, 5n, 9n];
  const found = [
    [0n, 2n],
    [0n, 3n],
    [4n, 8n],
    [6n, 8n],
    [9n, 9n],
    [10n, 99n],
  ] as const;
  assert.deepEqual(
    found.map(([from, to]) => firstBetween(values, from, to)),
    [undefined, 3n, 5n, undefined, 9n, undefined],
  );
  assert.equal(firstBetween([], 0n, 1n), undefined);
});

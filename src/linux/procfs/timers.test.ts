import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SIGEV_NONE, SIGEV_SIGNAL, SIGEV_THREAD_ID } from '../signal.js';
import { parseTimers } from './timers.js';

// Linux 6.18.
const TIMERS =
  'ID: 2\nsignal: 0/0000000000000000\nnotify: none/pid.8109\nClockID: -6\n' +
  'ID: 1\nsignal: 10/ffffffff00000007\nnotify: signal/tid.8110\nClockID: 0\n' +
  'ID: 0\nsignal: 34/0000000000001234\nnotify: signal/pid.8109\nClockID: 1\n';

test('every timer with its clock and notification', () => {
  assert.deepEqual(parseTimers(TIMERS), [
    { id: 2, signo: 0, value: 0n, notify: SIGEV_NONE, target: 8109, clockid: -6 },
    {
      ...{ id: 1, signo: 10, value: 0xffffffff00000007n },
      ...{ notify: SIGEV_SIGNAL | SIGEV_THREAD_ID, target: 8110, clockid: 0 },
    },
    { id: 0, signo: 34, value: 0x1234n, notify: SIGEV_SIGNAL, target: 8109, clockid: 1 },
  ]);
  assert.deepEqual(parseTimers(''), []);
});

test('what is missing or unknown is refused', () => {
  assert.throws(() => parseTimers(TIMERS.replace('ClockID: 1\n', '')), /no ClockID:/);
  assert.throws(() => parseTimers(TIMERS.replace('none/', 'pigeon/')), /pigeon/);
  assert.throws(() => parseTimers(TIMERS.replace('tid.', 'uid.')), /uid/);
  assert.throws(() => parseTimers(TIMERS.replace('ID: 2', 'ID: two')), /"ID: two"/);
});

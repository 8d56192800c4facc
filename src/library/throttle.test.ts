import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ProgressEvent } from './requests.js';
import { throttled } from './throttle.js';

test('of many events the first and the last of a phase pass, and one now and then', () => {
  const passed: string[] = [];
  let now = 0;
  const show = throttled(
    ({ phase, doneBytes }: ProgressEvent) => passed.push(`${phase} ${doneBytes}`),
    100,
    () => now,
  );
  for (let done = 0; done <= 50; done++) {
    now = done * 9;
    show({ phase: 'reading', doneBytes: done, totalBytes: 50 });
  }
  show({ phase: 'writing', doneBytes: 0, totalBytes: 9 });
  show({ phase: 'writing', doneBytes: 5, totalBytes: 9 });
  assert.deepEqual(passed, [
    'reading 0',
    'reading 12',
    'reading 24',
    'reading 36',
    'reading 48',
    'reading 50',
    'writing 0',
  ]);
});

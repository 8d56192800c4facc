import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bytesText, progressBar, progressText } from './progress.js';

const event = (doneBytes: number, totalBytes = 2 ** 30) => ({
  phase: 'writing pages',
  doneBytes,
  totalBytes,
});

test('a bar shows share and size', () => {
  assert.equal(progressText(event(0)), `writing pages [${' '.repeat(30)}]   0% of 1.0 GiB`);
  assert.equal(
    progressText(event(2 ** 29)),
    `writing pages [${'#'.repeat(15)}${' '.repeat(15)}]  50% of 1.0 GiB`,
  );
  assert.equal(progressText(event(5, 0)), `writing pages [${'#'.repeat(30)}] 100% of 0 B`);
  assert.equal(bytesText(1536), '1.5 KiB');
});

test('short work draws nothing, long work ten times a second at most, and the bar goes away', () => {
  let now = 0;
  const written: string[] = [];
  const bar = progressBar(
    (text) => written.push(text),
    () => now,
  );
  for (; now < 400; now += 10) bar.show(event(now));
  bar.clear();
  assert.equal(written.length, 0);
  for (; now < 1500; now += 10) bar.show(event(now));
  assert.ok(written.length >= 9 && written.length <= 11, String(written.length));
  bar.clear();
  assert.equal(written.at(-1), '\r\x1b[K');
});

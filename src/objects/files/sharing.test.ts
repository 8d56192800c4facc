import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ProcessView } from '../../checkpoint/views.js';
import { KCMP_FILES, KCMP_FS, KCMP_SIGHAND, KCMP_VM } from '../../linux/uapi/sched.js';
import type { KernelPort } from '../ports.js';
import { OrderedSet, observeSharing } from './sharing.js';

test('an ordered set finds equals with few comparisons', () => {
  let comparisons = 0;
  const set = new OrderedSet<{ key: number }>((a, b) => {
    comparisons++;
    return a.key - b.key;
  });
  const keys = Array.from({ length: 1000 }, (_, i) => (i * 7919) % 500);
  const found = keys.map((key) => set.findOrAdd({ key }));
  assert.equal(new Set(found).size, 500);
  for (let i = 500; i < 1000; i++) assert.equal(found[i], found[i - 500]);
  assert.ok(comparisons < 1000 * 10, `${comparisons} comparisons`);
});

const TABLES = [KCMP_VM, KCMP_FILES, KCMP_FS, KCMP_SIGHAND];

/** Objects of each thread, by kcmp type: equal numbers are one object. */
function port(objects: Record<number, readonly number[]>): KernelPort {
  return {
    call(_: unknown, { pid1, pid2, type }: { pid1: number; pid2: number; type: number }) {
      const at = TABLES.indexOf(type);
      const [a = 0, b = 0] = [objects[pid1]?.[at], objects[pid2]?.[at]];
      return a === b ? 0 : a < b ? 1 : 2;
    },
  } as unknown as KernelPort;
}

const process = (pid: number, ...tids: number[]): ProcessView =>
  ({
    ...{ pid, task: pid, comm: `p${pid}`, state: 'alive' },
    threads: [pid, ...tids].map((tid) => ({ tid, stat: { state: 't' } })),
  }) as unknown as ProcessView;

test('processes of their own get ids from 2 on, in order', () => {
  const seen = observeSharing(port({ 1: [9, 9, 9, 9], 2: [4, 4, 4, 4], 3: [7, 7, 7, 7] }), [
    ...[process(1), process(2), process(3)],
  ]);
  assert.deepEqual(
    seen.map(({ ids, obstacle }) => [...Object.values(ids), obstacle]),
    [
      [2, 2, 2, 2, undefined],
      [3, 3, 3, 3, undefined],
      [4, 4, 4, 4, undefined],
    ],
  );
});

test('a shared table shows in the ids', () => {
  const seen = observeSharing(port({ 1: [1, 1, 1, 1], 2: [2, 1, 2, 2], 3: [1, 3, 3, 1] }), [
    ...[process(1), process(2), process(3)],
  ]);
  assert.deepEqual(
    seen.map(({ ids }) => ids),
    [
      { vm_id: 2, files_id: 2, fs_id: 2, sighand_id: 2 },
      { vm_id: 3, files_id: 2, fs_id: 3, sighand_id: 3 },
      { vm_id: 2, files_id: 3, fs_id: 4, sighand_id: 2 },
    ],
  );
  assert.deepEqual(
    seen.map(({ obstacle }) => obstacle),
    [undefined, undefined, undefined],
  );
});

test('a thread that has unshared is found', () => {
  const seen = observeSharing(port({ 1: [1, 1, 1, 1], 2: [1, 1, 1, 1], 3: [1, 1, 5, 1] }), [
    process(1, 2, 3),
  ]);
  assert.match(String(seen[0]?.obstacle), /thread 3 has its own working directory/);
});

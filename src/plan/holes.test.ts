import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chooseHoles, choosePlanBase, findHole, type Occupied } from './holes.js';
import { PLAN_LENGTH } from './plan.js';

const MiB = 1024 * 1024;
const GiB = 1024 * MiB;
const TiB = 1024 * GiB;
const USER_END = 0x7fff_ffff_f000;

const typical: Occupied[] = [
  { start: 0x400000, end: 0x4ac000 },
  { start: 0xa895000, end: 0xa8b7000, growsUp: true },
  { start: 0x7faab5a90000, end: 0x7faab5a98000 },
  { start: 0x7ffe158d5000, end: 0x7ffe158f6000, growsDown: true },
  { start: 0xffff_ffff_ff60_0000, end: 0xffff_ffff_ff60_1000 },
];

const isFree = (occupied: readonly Occupied[], start: number, length: number): boolean =>
  occupied.every((range) => range.end <= start || start + length <= range.start);

test('the plan lies in the empty middle, aligned to huge pages', () => {
  const base = choosePlanBase([typical]);
  assert.equal(base % (2 * MiB), 0);
  assert.ok(isFree(typical, base, PLAN_LENGTH));
  assert.ok(base > 0x1_0000_0000 && base + PLAN_LENGTH < 0x7000_0000_0000);
});

test('the plan is free in every layout, also beside terabytes of reserved memory', () => {
  const first = [...typical, { start: 0x1000_0000_0000, end: 0x5000_0000_0000 }];
  const second = [{ start: 0x5000_0000_0000, end: 0x7f00_0000_0000 }];
  const base = choosePlanBase([first, second]);
  assert.ok(isFree([...first, ...second], base, PLAN_LENGTH), base.toString(16));
});

test('only what is left between two mappings is taken, with a page between', () => {
  const occupied = [
    { start: 0, end: 64 * TiB },
    { start: 64 * TiB + 12 * 4096, end: USER_END },
  ];
  assert.equal(findHole(occupied, { length: 10 * 4096, align: 4096 }), 64 * TiB + 4096);
  assert.equal(findHole(occupied, { length: 11 * 4096, align: 4096 }), undefined);
});

test('room to grow is left below a stack and above the heap, unless there is no other', () => {
  const stack = { start: 100 * TiB, end: 100 * TiB + 4096, growsDown: true };
  const roomy = [{ start: 0, end: 90 * TiB }, stack, { start: 110 * TiB, end: USER_END }];
  const far = findHole(roomy, { length: TiB, align: 4096 }) ?? 0;
  assert.ok(isFree(roomy, far, TiB));
  assert.ok(far + TiB <= stack.start - 256 * MiB || far >= stack.end);
  const heap = { start: 99 * TiB, end: 100 * TiB - 64 * MiB, growsUp: true };
  const tight = [{ start: 0, end: 99 * TiB }, heap, { ...stack, end: USER_END }];
  const near = findHole(tight, { length: 16 * MiB, align: 4096 });
  assert.equal(near, heap.end + 4096);
});

test('nothing lies below what mmap_min_addr may be, nor beyond user space', () => {
  assert.equal(
    findHole([{ start: 16 * MiB, end: USER_END }], { length: 4096, align: 4096 }),
    undefined,
  );
  const top = [{ start: 0, end: USER_END - 3 * 4096 }];
  assert.equal(findHole(top, { length: 2 * 4096, align: 4096 }), USER_END - 2 * 4096);
});

test('for 32-bit code the plan lies where that reaches', () => {
  const narrow: Occupied[] = [
    { start: 0x5660_f000, end: 0x5670_e000, growsUp: true },
    { start: 0xf74e_1000, end: 0xf7f5_3000 },
    { start: 0xfff5_2000, end: 0xfff7_3000, growsDown: true },
  ];
  const base = choosePlanBase([narrow, typical], { below: 4 * GiB });
  assert.ok(base + PLAN_LENGTH <= 4 * GiB, base.toString(16));
  assert.ok(isFree([...narrow, ...typical], base, PLAN_LENGTH));
  assert.throws(
    () => choosePlanBase([[{ start: 0, end: 3.8 * GiB }]], { below: 4 * GiB }),
    /no 512 MiB of address space below 0x100000000 are free/,
  );
});

test('a tree without a common hole is refused', () => {
  assert.throws(
    () => choosePlanBase([[{ start: 0, end: 64 * TiB }], [{ start: 64 * TiB, end: USER_END }]]),
    /no 512 MiB of address space are free in all processes/,
  );
});

test('holes of one address space lie apart', () => {
  const [a = 0, b = 0] = chooseHoles(typical, [MiB, GiB]);
  assert.ok(isFree(typical, a, MiB) && isFree(typical, b, GiB));
  assert.ok(a + MiB < b || b + GiB < a);
});

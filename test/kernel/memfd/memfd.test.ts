import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { before } from 'node:test';
import { kernelTest } from '../../support/kernel.js';

const POOL = '/proc/sys/vm/nr_hugepages';
const NEEDED = 16;

/** They stay: the same program may run in another test. Where they cannot be had, it says so. */
before(() => {
  const had = existsSync(POOL) ? Number(readFileSync(POOL, 'utf8')) : NEEDED;
  if (had >= NEEDED) return;
  try {
    writeFileSync(POOL, String(NEEDED));
  } catch {
    // /proc/sys is read-only in some containers.
  }
});

const cases: [play: string, name: string][] = [
  ['files', 'memfds keep content, holes, sizes, owners and their descriptions'],
  ['sealed', 'memfds keep their seals, and mappings from before them'],
  ['sealed-mapped', 'a memfd that was mapped once it was sealed can never be written'],
  ['mapped', 'mappings of memfds stay shared and private, with a descriptor or without'],
  ['huge', 'memfds of huge pages keep content, holes and mappings'],
  ['apart', 'a memfd that one process maps and another has open stays one'],
];

for (const [play, name] of cases) {
  kernelTest({ name, program: 'memfd/memfd.c', args: [play], rounds: 2 });
}

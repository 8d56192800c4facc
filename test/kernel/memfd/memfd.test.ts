import { readFileSync, writeFileSync } from 'node:fs';
import { after, before } from 'node:test';
import { kernelTest } from '../../support/kernel.js';

const POOL = '/proc/sys/vm/nr_hugepages';
const NEEDED = 16;
let had = NEEDED;

before(() => {
  had = Number(readFileSync(POOL, 'utf8'));
  if (had < NEEDED) writeFileSync(POOL, String(NEEDED));
});
after(() => {
  if (had < NEEDED) writeFileSync(POOL, String(had));
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

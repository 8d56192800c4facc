import { kernelTest } from '../../support/kernel.js';

const cases: [play: string, name: string][] = [
  ['files', 'memfds keep content, holes, sizes, owners and their descriptions'],
  ['sealed', 'memfds keep their seals, and mappings from before them'],
  ['sealed-mapped', 'a memfd that was mapped once it was sealed can never be written'],
  ['mapped', 'mappings of memfds stay shared and private, with a descriptor or without'],
  ['apart', 'a memfd that one process maps and another has open stays one'],
];

for (const [play, name] of cases) {
  kernelTest({ name, program: 'memfd/memfd.c', args: [play], rounds: 2 });
}

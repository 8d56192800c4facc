import { kernelTest } from '../../support/kernel.js';

/** The kernel numbers what belongs to a task anew; zombies have the masks of what stood in for them. */
const ignore = [/fdinfo\/\d+$/, /status\.Sig(Blk|Ign)$/];

for (const [play, name, criuFails] of [
  ['system', 'open files of /proc itself stay open'],
  ['self', 'a process keeps open files and directories of its own in /proc'],
  ['relatives', 'open files of relatives in /proc stay theirs'],
  ['gone', 'open files of a process that is gone lead to nobody'],
  [
    'list',
    'the open list of descriptors of a process that is gone stays open',
    'it looks at it by fstat(2)',
  ],
] as const) {
  kernelTest({
    ...{ name, program: 'proc-files/proc-files.c', args: [play], ignore, rounds: 2 },
    ...(criuFails && { criuFails }),
  });
}

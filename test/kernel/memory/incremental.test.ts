/** Incremental checkpoints: pages come from the level that has them, and what older levels hold in vain is not seen. */
import { existsSync } from 'node:fs';
import { makeIncremental } from '../../support/incremental.js';
import { type KernelTest, kernelTest, type View } from '../../support/kernel.js';

/** Rounds of one program are split alike; a dump with -R is not restored. */
const over = (levels: number): Pick<KernelTest, 'betweenRuns'> => ({
  betweenRuns: ({ imagesDir }: View) => {
    if (!existsSync(`${imagesDir}-whole`)) makeIncremental(imagesDir, levels);
  },
});

kernelTest({
  name: 'private memory returns from a checkpoint and its parent',
  program: 'memory/anonymous.c',
  ...over(2),
});
kernelTest({
  name: 'a stack returns from four levels of parents',
  program: 'memory/stack.c',
  ...over(5),
});
kernelTest({
  name: 'shared memory returns from parents',
  program: 'memory/shared-anonymous.c',
  ...over(3),
});
kernelTest({
  name: 'relatives find their own pages in parents',
  program: 'memory/fork-copies.c',
  ...over(3),
});
kernelTest({
  name: 'memfds return from parents',
  program: 'memfd/memfd.c',
  args: ['mapped'],
  ...over(2),
});
kernelTest({
  name: 'rings of AIO contexts return from parents',
  program: 'aio/aio.c',
  ...over(3),
});

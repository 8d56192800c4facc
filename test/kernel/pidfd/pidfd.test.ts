import { kernelTest } from '../../support/kernel.js';

kernelTest({
  name: 'pidfds of oneself, a child and a parent lead to them',
  program: 'pidfd/pidfd.c',
  args: ['living'],
  rounds: 2,
});

kernelTest({
  name: 'pidfds of processes that are gone tell them apart',
  program: 'pidfd/pidfd.c',
  args: ['gone'],
  rounds: 2,
});

kernelTest({
  name: 'a zombie is reaped by its pidfd',
  program: 'pidfd/pidfd.c',
  args: ['zombie'],
  rounds: 2,
  // Nobody can see them act: a zombie has no use for them.
  ignore: [/status\.Sig(Blk|Ign)$/],
});

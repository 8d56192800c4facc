import { kernelTest } from '../../support/kernel.js';

kernelTest({
  name: 'parents, groups, sessions and exit codes return',
  program: 'tree/family.c',
  rounds: 2,
});
kernelTest({
  name: 'deaths of restored children are told to their parent',
  program: 'tree/wide.c',
});
kernelTest({
  name: 'the dead wait for their parents, with their status',
  program: 'tree/zombie.c',
  rounds: 2,
  // Of no use to the dead any more.
  ignore: [/status\.(SigBlk|SigIgn|ShdPnd)$/],
});

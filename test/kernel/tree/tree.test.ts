import { kernelTest } from '../../support/kernel.js';

/** Of no use to the dead any more. */
const DEAD = [/status\.(SigBlk|SigIgn|ShdPnd)$/];

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
  ignore: DEAD,
});
kernelTest({
  name: 'a dead child keeps a status above 127',
  program: 'tree/zombie.c',
  args: ['255'],
  ignore: DEAD,
});

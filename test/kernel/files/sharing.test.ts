import { kernelTest } from '../../support/kernel.js';

const program = 'files/sharing.c';

kernelTest({
  name: 'descriptions that were passed on by SCM_RIGHTS stay shared',
  ...{ program, args: ['rights'], rounds: 2 },
});
kernelTest({
  name: 'the highest descriptor numbers return',
  ...{ program, args: ['highest'] },
  criuFails: 'it needs numbers above all saved ones',
});

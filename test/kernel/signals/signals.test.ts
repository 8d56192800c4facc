import { kernelTest } from '../../support/kernel.js';

kernelTest({
  name: 'the actions of all 62 signals return',
  program: 'signals/actions.c',
  rounds: 2,
  criuFails: 'an ignored SIGTRAP is reset to its default',
});
kernelTest({ name: 'each thread keeps its mask and alternate stack', program: 'signals/masks.c' });
kernelTest({
  name: 'pending signals return with values, senders and order',
  program: 'signals/pending.c',
  rounds: 2,
});

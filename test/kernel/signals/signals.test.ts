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
for (const [args, what] of [
  ['plain', 'on its own stack'],
  ['stack', 'on an alternate stack'],
  ['disarmed-stack', 'on an alternate stack that is disarmed meanwhile'],
  ['nested', 'inside another handler'],
] as const) {
  kernelTest({
    name: `a program inside a signal handler ${what} goes on there, and returns`,
    program: 'signals/handlers.c',
    args: [args],
    rounds: 2,
  });
}

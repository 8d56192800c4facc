import { kernelTest } from '../../support/kernel.js';

const cases: readonly [string, string, string?][] = [
  [
    'seen',
    'a stopped child stays stopped, and its parent hears nothing new',
    'it tells the parent',
  ],
  ['unseen', 'a stop that the parent has not waited for is still to be waited for'],
  ['pending', 'the SIGCHLD of a stop stays pending'],
  ['job', 'jobs stopped by SIGTSTP, SIGTTIN and SIGTTOU', 'SIGTTIN and SIGTTOU are refused'],
  ['threads', 'every thread of a stopped process stands still, and goes on', 'it tells the parent'],
  ['root', 'the root of the tree is stopped'],
  ['twice', 'signals that wait behind a stop', 'it tells the parent'],
];

for (const [name, what, criuFails] of cases) {
  kernelTest({
    name: what,
    program: 'stopped/stopped.c',
    args: [name],
    rounds: 2,
    // A stopped process has no use for another SIGSTOP, which SIGCONT would take away.
    ...(name === 'twice' ? { ignore: [/status\.ShdPnd/] } : {}),
    ...(criuFails === undefined ? {} : { criuFails }),
  });
}

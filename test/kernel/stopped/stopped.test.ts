import { test } from 'node:test';
import { IMAGES } from '../../../src/images/catalogue.js';
import { SIGSTOP, siginfo } from '../../../src/linux/signal.js';
import { editImage } from '../../support/edit-image.js';
import { bounded, kernelTest } from '../../support/kernel.js';
import { stateOf } from '../../support/proc.js';
import { startProgram } from '../../support/program.js';
import { tool } from '../../support/tool.js';
import { waitFor } from '../../support/wait.js';

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

/** As a dump finds it that somebody stops the process during the freeze. */
test('a process to which SIGSTOP was on its way stops when it comes back, and SIGCONT wakes it', (t) =>
  bounded(t, async () => {
    const program = startProgram('kernel/identity/identity.c', { args: ['nice'] });
    await program.waitReady();
    const { pid, dir } = program;
    const images = `${dir}/images`;
    await tool.dump(pid, images);
    await program.mustVanish([pid]);
    editImage(images, IMAGES.CORE, {
      id: pid,
      edit: ({ tc }) => {
        const pending = { siginfo: siginfo.encode({ si_signo: SIGSTOP }) };
        if (tc) tc.signals_s = { signals: [pending] };
      },
    });
    await tool.restore(images);
    await waitFor('it to be stopped', () => stateOf(pid) === 'T');
    process.kill(pid, 'SIGCONT');
    await program.mustPass();
  }));

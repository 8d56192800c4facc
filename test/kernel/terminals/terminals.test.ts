import { execFileSync } from 'node:child_process';
import { kernelTest } from '../../support/kernel.js';

kernelTest({
  name: 'a pty keeps its settings, locks, size, packet mode, and descriptions of both sides',
  program: 'terminals/pairs.c',
  args: ['settings'],
  rounds: 2,
});

kernelTest({
  name: 'a master without a slave keeps its number, and what was set through it',
  program: 'terminals/pairs.c',
  args: ['masters'],
  rounds: 2,
});

kernelTest({
  name: 'a slave whose master is gone remains hung up',
  program: 'terminals/pairs.c',
  args: ['hung-up'],
  rounds: 2,
});

kernelTest({
  name: 'the sides of a pty are in two processes, and one outlives the other',
  program: 'terminals/pairs.c',
  args: ['master-of-another'],
  rounds: 2,
});

kernelTest({
  name: 'virtual consoles and the system console are opened again, and set as they were',
  program: 'terminals/pairs.c',
  args: ['devices'],
  rounds: 2,
  betweenRuns: () => void execFileSync('stty', ['-F', '/dev/tty2', 'sane']),
});

kernelTest({
  name: 'a serial line is opened again',
  program: 'terminals/pairs.c',
  args: ['serial'],
  criuFails: 'it does not know the driver',
});

kernelTest({
  name: 'a session has its controlling terminal, and the group in its foreground',
  program: 'terminals/sessions.c',
  rounds: 2,
  criuFails: 'it refuses a session whose terminal has its master in another one',
});

const QUEUES: readonly [name: string, test: string, criuFails?: string][] = [
  ['queues', 'what waits to be read on either side of a raw pty is there again'],
  ['full-queues', 'a pty that is full in both directions keeps all of it', 'it loses a part'],
  ['lines', 'lines remain lines, and one that is not complete is continued', 'it loses that one'],
  ['locked-queues', 'the queues of a locked pty in packet mode are kept', 'it keeps the mode byte'],
  ['last-words', 'what a program said to its terminal before it ended can still be read', 'lost'],
  ['stopped', 'Ctrl-S holds, and Ctrl-Q goes on', 'it does not save that'],
];

for (const [name, test, criuFails] of QUEUES) {
  kernelTest({
    name: test,
    program: 'terminals/pairs.c',
    args: [name],
    rounds: 2,
    ...(criuFails !== undefined && { criuFails }),
  });
}

/** Devices that lost their path, and terminals that are left out and handed in: one dumps, the other restores. */
import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { bounded, type Pair } from '../support/kernel.js';
import { isAlive } from '../support/proc.js';
import { freshDir, startProgram } from '../support/program.js';
import { Pty } from '../support/pty.js';
import { criu, NO_CRIU, tool } from '../support/tool.js';
import { waitFor } from '../support/wait.js';

const EVASIVE = '--evasive-devices';
const WAIT_MS = 40_000;
const READER = 'echo "ready $$"; while read -r line; do echo "got <$line>"; done';

async function evasive({ dumper, restorer }: Pair): Promise<void> {
  const program = startProgram('kernel/files/evasive.c', { args: ['lost'] });
  await program.waitReady();
  const images = join(program.dir, 'images');
  const pids = program.tree();
  await dumper.dump(program.pid, images, EVASIVE);
  await program.mustVanish(pids);
  await restorer.restore(images, EVASIVE);
  await program.mustPass();
}

async function terminal({ dumper, restorer }: Pair): Promise<void> {
  const images = join(freshDir(), 'images');
  using before = new Pty('on-it', ['bash', '-c', READER]);
  const pid = Number((await before.shows(/ready (\d+)/))[1]);
  try {
    before.type('one\n');
    await before.shows(/got <one>/);
    const { rdev, dev } = statSync(`/proc/${pid}/fd/0`);
    const name = `tty[${rdev.toString(16)}:${dev.toString(16)}]`;
    await dumper.dump(pid, images, '--external', name);
    await waitFor('the end of the program', () => !existsSync(`/proc/${pid}`), WAIT_MS);
    const restore = [restorer.path, 'restore', '-d', '-D', images, '-o', 'restore.log', '-v4'];
    using after = new Pty('9', [...restore, '--inherit-fd', `fd[9]:${name}`]);
    after.type('two\n');
    await after.shows(/got <two>/);
  } finally {
    if (isAlive(pid)) process.kill(pid, 'SIGKILL');
  }
}

const other = criu();
describe('devices and terminals', { skip: other ? false : NO_CRIU }, () => {
  if (!other) return;
  const pairs: readonly [string, Pair][] = [
    ['woodfrog dumps, CRIU restores', { dumper: tool, restorer: other }],
    ['CRIU dumps, woodfrog restores', { dumper: other, restorer: tool }],
  ];
  for (const [way, pair] of pairs) {
    test(`a deleted device file returns by another path: ${way}`, (t) =>
      bounded(t, () => evasive(pair)));
    test(`a terminal is left out and handed in: ${way}`, (t) => bounded(t, () => terminal(pair)));
  }
});

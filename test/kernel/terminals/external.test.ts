/** A program on a terminal whose other side stays outside: left out of the images, and another one handed in. */
import assert from 'node:assert/strict';
import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { bounded } from '../../support/kernel.js';
import { isAlive, procText } from '../../support/proc.js';
import { freshDir } from '../../support/program.js';
import { Pty } from '../../support/pty.js';
import { saidBy, tool } from '../../support/tool.js';
import { waitFor } from '../../support/wait.js';

const WAIT_MS = 40_000;

const PROGRAM =
  'trap "" HUP; echo "ready $$"; while read -r line; do echo "got <$line>"; done; echo end';

function nameOf(pid: number): string {
  const { rdev, dev } = statSync(`/proc/${pid}/fd/0`);
  return `tty[${rdev.toString(16)}:${dev.toString(16)}]`;
}

test('a terminal that is left out is replaced by one that is handed in', (t) =>
  bounded(t, async () => {
    const images = join(freshDir(), 'images');
    using before = new Pty('on-it', ['bash', '-c', PROGRAM]);
    const pid = Number((await before.shows(/ready (\d+)/))[1]);
    try {
      before.type('one\n');
      await before.shows(/got <one>/);
      const name = nameOf(pid);
      const refused = await tool.attemptDump(pid, images);
      assert.notEqual(refused.status, 0);
      assert.ok(saidBy(refused).includes(`--external '${name}'`), saidBy(refused));
      await tool.dump(pid, images, '--external', name);
      await waitFor('the end of the program', () => !existsSync(`/proc/${pid}`), WAIT_MS);
      const alone = await tool.attemptRestore(images);
      assert.notEqual(alone.status, 0);
      assert.ok(saidBy(alone).includes(`--inherit-fd 'fd[N]:${name}'`), saidBy(alone));
      const inherit = ['--inherit-fd', `fd[9]:${name}`];
      using after = new Pty('9', [tool.path, 'restore', '-d', '-D', images, ...inherit]);
      after.type('two\n');
      await after.shows(/got <two>/);
      // It is the controlling terminal of the session, which Ctrl-C proves.
      assert.notEqual((procText(pid, 'stat') ?? '').split(' ')[6], '0');
      after.type('\x03');
      await waitFor('the end by Ctrl-C', () => !isAlive(pid), WAIT_MS);
    } finally {
      if (isAlive(pid)) process.kill(pid, 'SIGKILL');
    }
  }));

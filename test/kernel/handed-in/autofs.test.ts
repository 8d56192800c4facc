/** An automounter's pipe is recognised: nothing that is handed in could have the kernel at its other end. */
import assert from 'node:assert/strict';
import { statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { compile } from '../../support/compile.js';
import { bounded } from '../../support/kernel.js';
import { freshDir, startCommand } from '../../support/program.js';
import { describeRun, Tool, tool } from '../../support/tool.js';
import { waitFor } from '../../support/wait.js';

test('the pipe of an automounter is refused by name, left out or not', (t) =>
  bounded(t, async () => {
    const release = join(freshDir(), 'release');
    const unshare = ['unshare', '-m', '--propagation', 'private'];
    const program = startCommand([...unshare, compile('kernel/handed-in/autofs.c', []), release]);
    await program.waitReady();
    const { pid } = program;
    const { ino } = statSync(`/proc/${pid}/fd/3`);
    const inside = new Tool('/usr/bin/nsenter');
    for (const args of [[], ['--external', `pipe[${ino}]`]]) {
      const run = await inside.run([
        ...['-t', String(pid), '-m', tool.path],
        ...['dump', '-t', String(pid), '-D', program.dir, ...args],
      ]);
      assert.equal(run.status, 1, describeRun(run));
      assert.match(run.stderr, /autofs pipe .*automounter.*\/auto'/);
    }
    writeFileSync(release, '');
    await waitFor('the end', () => program.output().includes('PASS'));
  }));

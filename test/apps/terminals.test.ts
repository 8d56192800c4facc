/** The tutorial: a program in one window of tmux is frozen from outside, comes back in another, and is typed on. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { testSource } from '../support/paths.js';
import { freezeJob, restoring, SHELL_JOB, vimGoesOn } from '../support/shell-jobs.js';
import { Tmux } from '../support/tmux.js';
import { saidBy, tool } from '../support/tool.js';

async function withTmux(run: (tmux: Tmux, images: string) => Promise<void>): Promise<void> {
  using tmux = new Tmux();
  await run(tmux, join(tmux.dir, 'images'));
}

describe('a job of a shell in a tmux window, restored in another', () => {
  test('vim keeps text that was not saved, and saves it', () =>
    vimGoesOn({ dumper: tool, restorer: tool }));

  test('less turns the next page, stops for Ctrl-Z, and goes on by fg', () =>
    withTmux(async (tmux, images) => {
      const lines = Array.from({ length: 200 }, (_, i) => `line number ${i + 1}\n`);
      writeFileSync(join(tmux.dir, 'lines.txt'), lines.join(''));
      const first = await tmux.window();
      first.type(`less ${join(tmux.dir, 'lines.txt')}`, 'Enter');
      await first.shows(/line number 24$/m);
      await freezeJob(first, 'less', { by: tool, images });
      const second = await tmux.window();
      second.type(restoring(tool, images), 'Enter');
      await second.job('node');
      second.type('Space');
      await second.shows(/line number 48$/m);
      second.type('C-z');
      await second.shows(/Stopped/);
      second.type('fg', 'Enter');
      await second.shows(/line number 48$/m);
      second.type('Space');
      await second.shows(/line number 72$/m);
      second.type('q');
      await second.shows(/^bash.*[#$] ?$/m);
      second.type('echo "status of fg: $?"', 'Enter');
      await second.shows(/status of fg: 0/);
    }));

  test('top goes on counting, and ends when it is told', () =>
    withTmux(async (tmux, images) => {
      const first = await tmux.window();
      first.type('HOME=/nonexistent top -d 0.3', 'Enter');
      await first.shows(/load average/);
      await freezeJob(first, 'top', { by: tool, images });
      const second = await tmux.window();
      second.type(restoring(tool, images), 'Enter');
      await second.shows(/load average[\s\S]*COMMAND/);
      second.type('q');
      await second.shows(/status 0/);
    }));

  test('sqlite3 in a transaction, on a pty whose master is the job of the shell', () =>
    withTmux(async (tmux, images) => {
      const first = await tmux.window();
      first.type(`python3 ${testSource('apps/inner.py')} sqlite3 data.db`, 'Enter');
      await first.shows(/^sqlite> ?$/m);
      first.type('CREATE TABLE t(n); BEGIN; INSERT INTO t VALUES(41);', 'Enter');
      first.type('SELECT n + 1 FROM t;', 'Enter');
      await first.shows(/^42$/m);
      await freezeJob(first, 'python3', { by: tool, images, options: ['--file-locks'] });
      const second = await tmux.window();
      second.type(restoring(tool, images), 'Enter');
      await second.job('node');
      second.type('INSERT INTO t VALUES(7); COMMIT;', 'Enter', 'SELECT sum(n) FROM t;', 'Enter');
      await second.shows(/^48$/m);
      second.type('.quit', 'Enter');
      await second.shows(/status 0/);
      assert.equal(
        execFileSync('sqlite3', [join(tmux.dir, 'data.db'), 'SELECT sum(n) FROM t'], {
          encoding: 'utf8',
        }),
        '48\n',
      );
    }));

  test('a pipeline: the second command, in the group of the first', () =>
    withTmux(async (tmux, images) => {
      const first = await tmux.window();
      const program = 'while read -r line; do echo "got $line"; done';
      first.type(`true | bash --norc -c 'exec < /dev/tty; echo begun; ${program}'`, 'Enter');
      await first.shows(/^begun/m);
      const pid = await first.job('bash');
      first.type('one', 'Enter');
      await first.shows(/got one/);
      // What it has open as /dev/tty leads to the other terminal, there.
      await tool.dump(pid, images, SHELL_JOB);
      const second = await tmux.window();
      second.type(restoring(tool, images), 'Enter');
      await second.job('node');
      second.type('two', 'Enter');
      await second.shows(/got two/);
      second.type('C-d');
      await second.shows(/status 0/);
    }));

  test('a dump or restore without --shell-job says what to do', () =>
    withTmux(async (tmux, images) => {
      const window = await tmux.window();
      window.type('cat', 'Enter');
      const pid = await window.job('cat');
      const refused = await tool.attemptDump(pid, images);
      assert.notEqual(refused.status, 0);
      assert.match(saidBy(refused), /job of a shell[\s\S]*--shell-job \(-j\)/);
      await freezeJob(window, 'cat', { by: tool, images });
      const restored = await tool.attemptRestore(images);
      assert.notEqual(restored.status, 0);
      assert.match(saidBy(restored), /restore it with --shell-job \(-j\), from the terminal/);
      const elsewhere = await tool.attemptRestore(images, [SHELL_JOB]);
      assert.notEqual(elsewhere.status, 0);
      assert.match(saidBy(elsewhere), /no terminal to give it[\s\S]*in a terminal/);
    }));
});

/** The tutorial: a program in one window of tmux is frozen from outside, comes back in another, and is typed on. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { Tmux, type Window } from '../support/tmux.js';
import { saidBy, tool } from '../support/tool.js';
import { waitFor } from '../support/wait.js';

const SHELL_JOB = '--shell-job';

/** Freezes the job of the shell in this window, and sees that it is gone. */
async function freeze(window: Window, comm: string, images: string): Promise<void> {
  const pid = await window.job(comm);
  await tool.dump(pid, images, SHELL_JOB);
  await waitFor(`the end of ${comm}`, () => !existsSync(`/proc/${pid}`), 40_000);
}

const restoring = (images: string): string =>
  `${tool.path} restore ${SHELL_JOB} -D ${images}; echo "status $?"`;

async function withTmux(run: (tmux: Tmux, images: string) => Promise<void>): Promise<void> {
  using tmux = new Tmux();
  await run(tmux, join(tmux.dir, 'images'));
}

describe('a job of a shell in a tmux window, restored in another', () => {
  test('vim keeps text that was not saved, and saves it', () =>
    withTmux(async (tmux, images) => {
      const notes = join(tmux.dir, 'notes.txt');
      const first = await tmux.window();
      first.type(`vim -u NONE -i NONE -n ${notes}`, 'Enter');
      await first.shows(/notes\.txt/);
      first.type('iunsaved words');
      await first.shows(/unsaved words/);
      await freeze(first, 'vim', images);
      assert.ok(!existsSync(notes), 'nothing was saved');
      const second = await tmux.window();
      second.type(restoring(images), 'Enter');
      await second.shows(/^unsaved words/m);
      second.type(', typed on', 'Escape', ':wq', 'Enter');
      await second.shows(/status 0/);
      assert.equal(readFileSync(notes, 'utf8'), 'unsaved words, typed on\n');
    }));

  test('less turns the next page, stops for Ctrl-Z, and goes on by fg', () =>
    withTmux(async (tmux, images) => {
      const lines = Array.from({ length: 200 }, (_, i) => `line number ${i + 1}\n`);
      writeFileSync(join(tmux.dir, 'lines.txt'), lines.join(''));
      const first = await tmux.window();
      first.type(`less ${join(tmux.dir, 'lines.txt')}`, 'Enter');
      await first.shows(/line number 24$/m);
      await freeze(first, 'less', images);
      const second = await tmux.window();
      second.type(restoring(images), 'Enter');
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
      await freeze(first, 'top', images);
      const second = await tmux.window();
      second.type(restoring(images), 'Enter');
      await second.shows(/load average[\s\S]*COMMAND/);
      second.type('q');
      await second.shows(/status 0/);
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
      second.type(restoring(images), 'Enter');
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
      await freeze(window, 'cat', images);
      const restored = await tool.attemptRestore(images);
      assert.notEqual(restored.status, 0);
      assert.match(saidBy(restored), /restore it with --shell-job \(-j\), from the terminal/);
      const elsewhere = await tool.attemptRestore(images, [SHELL_JOB]);
      assert.notEqual(elsewhere.status, 0);
      assert.match(saidBy(elsewhere), /no terminal to give it[\s\S]*in a terminal/);
    }));
});

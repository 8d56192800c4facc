/** Jobs and sessions that come back on the terminal of the restore: who is in its foreground, in which modes, and who waits. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { testSource } from '../support/paths.js';
import { childrenOf, isAlive, stateOf } from '../support/proc.js';
import { Pty } from '../support/pty.js';
import { reap } from '../support/reaper.js';
import { freezeJob, freezeTree, openVim, restoring, SHELL_JOB } from '../support/shell-jobs.js';
import { Tmux } from '../support/tmux.js';
import { tool } from '../support/tool.js';
import { waitFor } from '../support/wait.js';

const WAIT_MS = 40_000;
const ASKS = `python3 ${testSource('apps/asks.py')}`;
const KEYS = `python3 ${testSource('apps/keys.py')}`;

async function withTmux(run: (tmux: Tmux, images: string) => Promise<void>): Promise<void> {
  using tmux = new Tmux();
  await run(tmux, join(tmux.dir, 'images'));
}

describe('restore -d', () => {
  test('leaves the terminal to the job, in the modes of the job', () =>
    withTmux(async (tmux, images) => {
      const first = await tmux.window();
      first.type(KEYS, 'Enter');
      await first.shows(/^begun/m);
      const pid = await freezeJob(first, 'python3', { by: tool, images });
      const restore = `${tool.path} restore -d ${SHELL_JOB} -D ${images}`;
      using second = new Pty('on-it', ['sh', '-c', `${restore}; echo "status $?"; sleep 1000`]);
      try {
        await second.shows(/status 0/);
        // Without Enter.
        second.type('x');
        await second.shows(/<x>/);
        second.type('\x03');
        await second.shows(/<3>/);
        second.type('q');
        await waitFor('its end', () => reap(pid), WAIT_MS);
      } finally {
        if (isAlive(pid)) process.kill(pid, 'SIGKILL');
      }
    }));
});

describe('a session on a terminal of the caller', () => {
  /** A window whose shell has a job in the foreground; all of it is frozen. */
  const frozenSession = async (tmux: Tmux, images: string): Promise<number> => {
    // The server ends with its last window.
    await tmux.window();
    const first = await tmux.window();
    first.type(KEYS, 'Enter');
    await first.shows(/^begun/m);
    await first.job('python3');
    // tmux is deaf to the end of a child while it does something about the end of its terminal: libutempter.
    const meanwhile = () => tmux.tmux(['run-shell', 'true']);
    return freezeTree(first.shell, { by: tool, images, meanwhile });
  };

  test('gets it from a woodfrog that leads its session', () =>
    withTmux(async (tmux, images) => {
      const pid = await frozenSession(tmux, images);
      const between = await tmux.window();
      const second = await tmux.window();
      // Nobody has the number of the first terminal any more.
      between.type('exit', 'Enter');
      await waitFor('the window to close', () => !between.isOpen(), WAIT_MS);
      second.type(`exec ${tool.path} restore ${SHELL_JOB} -D ${images}`, 'Enter');
      // It may draw itself anew.
      await second.shows(/^resized/m);
      second.type('x');
      await second.shows(/<x>/);
      second.type('q');
      await second.shows(/<q>bash/);
      second.type('stty -a | grep -o " icanon"; ps -o tpgid= -p $$', 'Enter');
      await second.shows(/^ icanon\n *\d+\nbash.*[#$] ?$/m);
      second.type('cat', 'Enter');
      await waitFor('cat', () => childrenOf(pid).length > 0, WAIT_MS);
      second.type('word', 'Enter');
      await second.shows(/^word\nword$/m);
      second.type('C-z');
      await second.shows(/Stopped/);
      second.type('fg', 'Enter');
      await second.shows(/^cat\n/m);
      second.type('again', 'Enter');
      await second.shows(/^again\nagain$/m);
      second.type('C-c');
      await second.shows(/^\^C\n*bash.*[#$] ?$/m);
      second.type('exit', 'Enter');
      await waitFor('the window to close', () => !second.isOpen(), WAIT_MS);
    }));

  test('is refused where woodfrog is a job, which says what to do', () =>
    withTmux(async (tmux, images) => {
      const pid = await frozenSession(tmux, images);
      const second = await tmux.window();
      second.type(restoring(tool, images), 'Enter');
      await second.shows(/status 1/);
      await second.shows(/needs a terminal of its own[\s\S]*exec woodfrog restore/);
      assert.ok(!isAlive(pid));
      // The terminal is as it was.
      second.type('echo "still $((20 + 3))"', 'Enter');
      await second.shows(/still 23/);
    }));
});

describe('job control', () => {
  test('a job in the background stops for the terminal, comes to the front by fg, and ends', () =>
    withTmux(async (tmux, images) => {
      const first = await tmux.window();
      const go = join(tmux.dir, 'go');
      first.type(`${ASKS} ${go} &`, 'Enter');
      await first.shows(/begun/);
      const pid = await first.job('python3');
      await freezeTree(pid, { by: tool, images });
      const second = await tmux.window();
      second.type('stty tostop', 'Enter');
      second.type(`${tool.path} restore ${SHELL_JOB} -D ${images} &`, 'Enter');
      await second.shows(/^\[1\] \d+$/m);
      await waitFor('the job', () => isAlive(pid), WAIT_MS);
      writeFileSync(go, '');
      await second.job('node');
      await waitFor('the job to stop', () => stateOf(pid) === 'T', WAIT_MS);
      second.type('Enter');
      await second.shows(/Stopped/);
      second.type('fg', 'Enter');
      await second.shows(/^written/m);
      second.type('word', 'Enter');
      await second.shows(/^got word\nbash.*[#$] ?$/m);
    }));

  test('a restore in the foreground brings a job of the background to the front when it reads', () =>
    withTmux(async (tmux, images) => {
      const first = await tmux.window();
      const go = join(tmux.dir, 'go');
      first.type(`${ASKS} ${go} &`, 'Enter');
      await first.shows(/begun/);
      const pid = await first.job('python3');
      await freezeTree(pid, { by: tool, images });
      const second = await tmux.window();
      second.type(restoring(tool, images), 'Enter');
      await waitFor('the job', () => isAlive(pid), WAIT_MS);
      writeFileSync(go, '');
      await second.shows(/^written/m);
      // The modes are those of the window, not those that a shell had at its prompt.
      second.type('word', 'Enter');
      await second.shows(/^written\nword\ngot word/m);
      await second.shows(/^status 0/m);
    }));

  test('a job that Ctrl-Z stopped is dumped by its own shell, comes back stopped, and goes on by fg', () =>
    withTmux(async (tmux, images) => {
      const notes = join(tmux.dir, 'notes.txt');
      const first = await tmux.window();
      await openVim(first, notes);
      first.type('Escape', 'C-z');
      await first.shows(/Stopped +vim/);
      const pid = await first.job('vim');
      mkdirSync(images);
      first.type(`${tool.path} dump ${SHELL_JOB} -t $(jobs -p) -D ${images}`, 'Enter');
      await waitFor('the end of vim', () => stateOf(pid) === undefined, WAIT_MS);
      const second = await tmux.window();
      second.type(restoring(tool, images), 'Enter');
      await second.shows(/Stopped +.*woodfrog/);
      second.type('fg', 'Enter');
      await second.shows(/^unsaved words/m);
      second.type('A, typed on', 'Escape', ':wq', 'Enter');
      const isSaved = () => existsSync(notes) && readFileSync(notes, 'utf8');
      assert.equal(await waitFor('the text', isSaved, WAIT_MS), 'unsaved words, typed on\n');
    }));

  test('a shell inside the tree has its jobs: fg, Ctrl-Z, bg', () =>
    withTmux(async (tmux, images) => {
      const first = await tmux.window();
      first.type(`python3 ${testSource('apps/inner.py')} bash --norc --noprofile`, 'Enter');
      await first.shows(/^bash[^\n]*inner[^\n]*\n+^bash.*[#$] ?$/m);
      first.type('cat', 'Enter');
      await first.shows(/# cat$/m);
      first.type('one', 'Enter');
      await first.shows(/^one\none$/m);
      first.type('C-z');
      await first.shows(/Stopped +cat/);
      first.type('sleep 1000 &', 'Enter');
      await first.shows(/^\[2\] \d+/m);
      await freezeJob(first, 'python3', { by: tool, images });
      const second = await tmux.window();
      second.type(restoring(tool, images), 'Enter');
      await second.job('node');
      second.type('jobs', 'Enter');
      await second.shows(/Stopped +cat[\s\S]*Running +sleep/);
      second.type('fg %1', 'Enter');
      await second.shows(/fg %1\ncat$/m);
      second.type('two', 'Enter');
      await second.shows(/^two\ntwo$/m);
      second.type('C-z');
      await second.shows(/Stopped +cat[\s\S]*Stopped +cat/);
      second.type('fg %2', 'Enter');
      await second.shows(/^sleep 1000/m);
      second.type('C-z');
      await second.shows(/Stopped +sleep/);
      second.type('bg', 'Enter');
      await second.shows(/sleep 1000 &/);
      second.type('kill %1 %2; wait; exit', 'Enter');
      await second.shows(/status 0/);
    }));

  test('a pipeline of several processes in one group, which ask the terminal for keys', () =>
    withTmux(async (tmux, images) => {
      const lines = Array.from({ length: 200 }, (_, i) => `line number ${i + 1}\n`);
      writeFileSync(join(tmux.dir, 'lines.txt'), lines.join(''));
      const first = await tmux.window();
      // less has its standard input to read from, and its keys from /dev/tty.
      first.type(
        "bash --norc -c '(cat lines.txt; sleep 1000) | cat | less; kill $!; true'",
        'Enter',
      );
      await first.shows(/line number 24$/m);
      await freezeJob(first, 'bash', { by: tool, images });
      const second = await tmux.window();
      second.type(restoring(tool, images), 'Enter');
      await second.job('node');
      second.type('Space');
      await second.shows(/line number 48$/m);
      second.type('C-z');
      await second.shows(/Stopped/);
      second.type('fg', 'Enter');
      await second.shows(/line number 48$/m);
      second.type('C-c');
      second.type('q');
      await second.shows(/status \d/);
    }));
});

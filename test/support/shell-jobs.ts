/** Jobs of a shell in a tmux window, frozen from outside and brought back in another window. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Pair } from './kernel.js';
import { treeOf } from './proc.js';
import { reap } from './reaper.js';
import { Tmux, type Window } from './tmux.js';
import type { Tool } from './tool.js';
import { waitFor } from './wait.js';

export const SHELL_JOB = '--shell-job';

/** Freezes the job of the shell in this window, and sees that it is gone. Returns its pid. */
export async function freezeJob(
  window: Window,
  comm: string,
  { by, images, options = [] }: { by: Tool; images: string; options?: readonly string[] },
): Promise<number> {
  return freezeTree(await window.job(comm), { by, images, options });
}

/** The same of any tree that has a terminal of ours. */
export async function freezeTree(
  pid: number,
  {
    by,
    images,
    options = [],
    meanwhile = () => {},
  }: { by: Tool; images: string; options?: readonly string[]; meanwhile?: () => void },
): Promise<number> {
  const pids = treeOf(pid);
  await by.dump(pid, images, SHELL_JOB, ...options);
  const isGone = (one: number): boolean => {
    // Whoever has lost his parent is ours.
    reap(one);
    return !existsSync(`/proc/${one}`);
  };
  await waitFor(
    `the end of ${pids.join(' ')}`,
    () => {
      meanwhile();
      return pids.every(isGone);
    },
    40_000,
  );
  return pid;
}

/** What is typed into another window. */
export const restoring = (by: Tool, images: string): string =>
  `${by.path} restore ${SHELL_JOB} -D ${images}; echo "status $?"`;

/** Starts vim on a new file in a window, and begins to write. */
export async function openVim(window: Window, file: string): Promise<void> {
  window.type(`vim -u NONE -i NONE -n ${file}`, 'Enter');
  // Not before: what is typed until then, the terminal shows, and vim throws away.
  await window.shows(/\[New/);
  window.type('iunsaved words');
  await window.shows(/^unsaved words/m);
}

/** vim, in the middle of a text that was not saved. */
export async function vimGoesOn({ dumper, restorer }: Pair): Promise<void> {
  using tmux = new Tmux();
  const images = join(tmux.dir, 'images');
  const notes = join(tmux.dir, 'notes.txt');
  const first = await tmux.window();
  await openVim(first, notes);
  const pid = await freezeJob(first, 'vim', { by: dumper, images });
  assert.ok(!existsSync(notes), 'nothing was saved');
  const second = await tmux.window();
  second.type(restoring(restorer, images), 'Enter');
  await waitFor('vim', () => existsSync(`/proc/${pid}/fd/0`), 40_000);
  // CRIU tells it of no new size, and it does not draw itself anew.
  if (!restorer.isCriu) await second.shows(/^unsaved words/m);
  second.type(', typed on', 'Escape', ':wq', 'Enter');
  await second.shows(/status 0/);
  assert.equal(readFileSync(notes, 'utf8'), 'unsaved words, typed on\n');
}

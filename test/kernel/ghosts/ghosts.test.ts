import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { kernelTest, type View } from '../../support/kernel.js';

const program = 'ghosts/ghosts.c';
/** The kernel numbers inodes anew. */
const INODES = [/fdinfo\/\d+$/, /maps\//];

const ghost = (play: string, name: string, more: object = {}): void =>
  kernelTest({ name, program, args: [play], ignore: INODES, ...more });

ghost('shared', 'a deleted file keeps content, owner, mode, times and who shares it', {
  rounds: 2,
});
ghost('names', 'a file that has lost two names stays one file under both');
ghost('replaced', 'a file whose name another has now is kept apart from it', {
  rounds: 2,
  ignore: [...INODES, /\/fd\/3$/],
});
ghost('sparse', 'a deleted file keeps its holes');
ghost('sparse', 'a deleted file keeps its holes, found by FIEMAP', {
  dumpArgs: ['--ghost-fiemap'],
});
ghost('large', 'a deleted file above 1 MiB is kept with --ghost-limit', {
  dumpArgs: ['--ghost-limit', '4M'],
});
ghost('nameless', 'a file made by O_TMPFILE can still be given a name', {
  ignore: [...INODES, /\/fd\/3$/],
  criuFails: 'the file cannot be linked any more',
});
ghost('fifo', 'a deleted FIFO keeps what is queued');
ghost('mapping', 'mappings of a deleted file stay shared and private');
ghost('directory', 'a deleted directory, and a file in it, stay open', {
  criuFails: 'it removes the directory before the file in it',
});
ghost('cwd', 'a deleted working directory stays one');
ghost('executable', 'a deleted program runs on', { dumpArgs: ['--ghost-limit', '64M'] });
const furtherNames = ({ program: { dir } }: View): string[] =>
  readdirSync(dir).filter((name) => name.startsWith('link_remap'));

ghost('linked', 'a file that has another name left stays that file', {
  rounds: 2,
  dumpArgs: ['--link-remap'],
  betweenRuns: (view: View) => assert.equal(furtherNames(view).length, 1),
  afterRestore: (view: View) => assert.deepEqual(furtherNames(view), []),
});
ghost('linked-mapping', 'a mapped file that has another name left stays that file', {
  dumpArgs: ['--link-remap'],
});

import assert from 'node:assert/strict';
import {
  chmodSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { parseBuildId } from '../../../src/linux/elf/build-id.js';
import { kernelTest, type View } from '../../support/kernel.js';
import { describeRun, saidBy, tool } from '../../support/tool.js';

/** The program's output has other permissions now: that is refused, and named. */
async function change({ program, imagesDir }: View): Promise<void> {
  chmodSync(program.outputPath, 0o640);
  const run = await tool.attemptRestore(imagesDir);
  assert.notEqual(run.status, 0, describeRun(run));
  if (!tool.isCriu) assert.match(saidBy(run), /output' has the mode 0640, and had 0644/);
}

kernelTest({
  name: 'a file with other permissions is refused, and taken with --skip-file-rwx-check',
  program: 'files/regular.c',
  betweenRuns: change,
  restoreArgs: ['--skip-file-rwx-check'],
});

/** Why the restore is refused. */
async function refusal(images: string): Promise<string> {
  const run = await tool.attemptRestore(images);
  assert.notEqual(run.status, 0, describeRun(run));
  return saidBy(run).replaceAll(/\n *| {2,}/g, ' ');
}

const CHANGES = ['missing', 'replaced', 'fifo', 'folder'];

/** Changes of all sorts are told in one error; undone, none is. */
async function changeAll({ program: { dir }, imagesDir }: View): Promise<void> {
  const at = (name: string): string => join(dir, name);
  for (const name of CHANGES) renameSync(at(name), at(`was-${name}`));
  mkdirSync(at('replaced'));
  for (const name of ['fifo', 'folder']) writeFileSync(at(name), '');
  truncateSync(at('shrunk'), 9);
  truncateSync(at('grown'), 11);
  chmodSync(at('mode'), 0o600);
  const said = await refusal(imagesDir);
  if (!tool.isCriu) {
    assert.match(said, /7 files are not as at the checkpoint/);
    for (const what of [
      "missing' is missing (ENOENT)",
      "shrunk' has 9 bytes, and had 10",
      "grown' has 11 bytes, and had 10",
      "replaced' is a directory, and was a regular file",
      "mode' has the mode 0600, and had 0640",
      "fifo' is a regular file, and was a FIFO",
      "folder' is a regular file, and was a directory",
    ]) {
      assert.ok(said.includes(`/${what}`), `${what}: ${said}`);
    }
    assert.ok(!said.includes('/same'), said);
  }
  rmdirSync(at('replaced'));
  for (const name of ['fifo', 'folder']) rmSync(at(name));
  for (const name of CHANGES) renameSync(at(`was-${name}`), at(name));
  truncateSync(at('shrunk'), 10);
  truncateSync(at('grown'), 10);
  chmodSync(at('mode'), 0o640);
}

kernelTest({
  name: 'changed files are all named at once, and taken when they are as they were',
  ...{ program: 'files/changed.c', betweenRuns: changeAll },
});

/** The library's build-id becomes another, nothing else. */
async function rebuildLibrary({ program: { dir }, imagesDir }: View): Promise<void> {
  const library = join(dir, 'library');
  const bytes = readFileSync(library);
  const words = parseBuildId(bytes.subarray(0, 4096));
  assert.ok(words, 'the compiler writes a build-id');
  const id = Buffer.from(Uint32Array.from(words).buffer);
  const place = bytes.indexOf(id.subarray(0, 16));
  bytes.writeUInt8(bytes.readUInt8(place) ^ 0xff, place);
  writeFileSync(library, bytes);
  const said = await refusal(imagesDir);
  if (!tool.isCriu) assert.match(said, /library' is another build/);
}

/** What was dumped without it. */
function breakLibrary({ program: { dir } }: View): void {
  const library = join(dir, 'library');
  writeFileSync(library, readFileSync(library).fill(0, 64));
}

kernelTest({
  name: 'another build of a library is refused, and taken with --file-validation filesize',
  ...{ program: 'files/changed.c', betweenRuns: rebuildLibrary },
  restoreArgs: ['--file-validation', 'filesize'],
});
kernelTest({
  name: 'build-ids are not saved with --file-validation filesize',
  ...{ program: 'files/changed.c', betweenRuns: breakLibrary },
  dumpArgs: ['--file-validation', 'filesize'],
});

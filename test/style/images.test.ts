/** show, verify, dedup and coredump as their callers see them: programs that are run. Needs no privileges. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, test } from 'node:test';
import { PE_LAZY, PE_PARENT, PE_PRESENT } from '../../src/images/pagemap.js';
import { level, PAGE, type Run } from '../support/chain.js';
import { goldenFolder, goldenSets } from '../support/golden.js';

const folder = mkdtempSync(join(tmpdir(), 'woodfrog-images-'));
after(() => rmSync(folder, { recursive: true }));

function run(...args: string[]) {
  const { status, signal, stdout, stderr } = spawnSync(resolve('bin/woodfrog'), args, {
    encoding: 'utf8',
    timeout: 60_000,
  });
  assert.equal(signal, null, args.join(' '));
  return { status, stdout, stderr };
}

/** Sets that are complete, with page contents: only where the captured ones lie beside the checkout. */
const whole = goldenSets.filter((set) => existsSync(join(goldenFolder(set), 'pages-1.img')));
const skip = whole.length < goldenSets.length ? 'the captured page contents are not here' : false;

function copyOf(set: (typeof goldenSets)[number], name: string): string {
  const copy = join(folder, name);
  cpSync(goldenFolder(set), copy, { recursive: true });
  return copy;
}

test('captured checkpoints are shown and sound', { skip }, () => {
  for (const set of whole) {
    const { status, stdout } = run('verify', goldenFolder(set));
    assert.equal(status, 0, stdout);
    assert.match(stdout, /^Sound: \d+ images, nothing is wrong\.\n$/);
  }
  const { stdout } = run('show', goldenFolder('tasks'));
  assert.match(stdout, /^Tasks {6}4 processes, 5 threads$/m);
  assert.match(stdout, /^ {2}11076 .* tasks \(ended\)$/m);
  assert.match(stdout, /nofile 100\/200/);
  assert.ok(!stdout.includes('\x1b'), 'colour is for terminals');
  const shown = JSON.parse(run('show', '--json', '-D', goldenFolder('sockets')).stdout);
  assert.equal(shown.fileTypes.INETSK, 4);
  const names = shown.tasks[0].files.map(({ name }: { name: string }) => name);
  assert.ok(names.includes('TCP ESTABLISHED 127.0.0.1:55008 -> 127.0.0.1:38471'));
  assert.ok(names.includes('socket:[6130433] @golden-abstract'));
});

test('every problem is listed: a cut image with its byte, a missing one, a short page file', {
  skip,
}, () => {
  const copy = copyOf('tasks', 'broken');
  const core = readFileSync(join(copy, 'core-11075.img'));
  writeFileSync(join(copy, 'core-11075.img'), core.subarray(0, 200));
  rmSync(join(copy, 'fs-11079.img'));
  writeFileSync(join(copy, 'pages-1.img'), 'short');
  const { status, stdout } = run('verify', copy);
  assert.equal(status, 1);
  assert.match(stdout, /^core-11075\.img: .*byte 12: entry 0 needs/m);
  assert.match(stdout, /^pages-1\.img: has 5 bytes/m);
  assert.match(stdout, /fs-11079\.img/);
  const report = JSON.parse(run('verify', copy, '--json').stdout);
  assert.equal(report.sound, false);
  const cut = report.problems.find(({ file }: { file: string }) => file === 'core-11075.img');
  assert.equal(cut.offset, 12);
  assert.ok(report.problems.length >= 3);
});

test('a folder that is no checkpoint is not sound, one that cannot be read is an error', () => {
  const empty = join(folder, 'empty');
  mkdirSync(empty);
  const { status, stdout } = run('verify', empty);
  assert.equal(status, 1);
  assert.match(stdout, /inventory\.img: is missing/);
  assert.match(run('verify', join(folder, 'nowhere')).stderr, /ENOENT/);
  assert.match(run('show', empty).stderr, /pstree\.img: the image is missing/);
});

/** Writes what `level` makes to disk. */
function writeLevel(name: string, runs: readonly Run[], parent?: string): string {
  const path = join(folder, name);
  mkdirSync(path);
  const { files } = level(runs, { fill: 1 });
  for (const [file, bytes] of files) writeFileSync(join(path, file), bytes);
  if (parent !== undefined) symlinkSync(parent, join(path, 'parent'));
  return path;
}

test('dedup frees in all parents what later images have, and nothing else', () => {
  const at = (...given: [number, number, number][]): Run[] =>
    given.map(([page, count, flags]) => [page * PAGE, count, flags]);
  const a = writeLevel('a', at([16, 8, PE_PRESENT], [48, 4, PE_PRESENT], [80, 4, PE_PRESENT]));
  const b = writeLevel(
    'b',
    at(
      [16, 2, PE_PRESENT],
      [18, 2, PE_PARENT],
      [20, 4, PE_PRESENT],
      [48, 4, PE_PARENT],
      [96, 2, PE_PRESENT],
    ),
    '../a',
  );
  const newest = [17, 2, PE_PRESENT] as [number, number, number];
  const c = writeLevel(
    'c',
    at(newest, [48, 2, PE_PRESENT], [50, 2, PE_PARENT], [96, 1, PE_PRESENT | PE_LAZY]),
    '../b',
  );
  const before = [a, b, c].map((path) => readFileSync(join(path, 'pages-7.img')));
  const sizes = [a, b, c].map((path) => statSync(join(path, 'pages-7.img')).blocks);
  const { status, stdout, stderr } = run('dedup', '-D', c);
  assert.equal(status, 0, stderr);
  assert.match(stdout, /^24\.0 KiB of 2 parent checkpoints/);
  // What CRIU 4.2's dedup punches in the same images.
  const holes = [[1, 2, 8, 9], [1, 6], []];
  for (const [i, path] of [a, b, c].entries()) {
    const expected = Uint8Array.from(before[i] as Uint8Array);
    for (const page of holes[i] ?? []) expected.fill(0, page * PAGE, (page + 1) * PAGE);
    assert.deepEqual(Uint8Array.from(readFileSync(join(path, 'pages-7.img'))), expected, path);
    const freed = (sizes[i] ?? 0) - statSync(join(path, 'pages-7.img')).blocks;
    assert.equal(freed, (holes[i]?.length ?? 0) * (PAGE / 512), path);
  }
  assert.equal(run('dedup', '-D', a).status, 1);
});

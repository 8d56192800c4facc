/**
 * Checkpoints that CRIU 4.2 wrote elsewhere: one comes back to life here, the others are refused
 * with everything named that woodfrog does not restore yet.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { brotliDecompressSync } from 'node:zlib';
import { fixtureFolder, fixturesFolder, type GoldenSet } from '../support/golden.js';
import { root, testSource } from '../support/paths.js';
import { isAlive, procLink, procText } from '../support/proc.js';
import { reap } from '../support/reaper.js';
import { describeRun, saidBy, tool } from '../support/tool.js';
import { waitFor } from '../support/wait.js';

/** What files.img and pstree.img of the set 'loop' say. */
const LOOP = {
  pid: 11021,
  path: '/tmp/golden-run/loop/loop',
  sha256: '7d6153e3533204409ee0eee46742ffd9b3ffd20804713b378e57bf5f717fc229',
};

const OTHER_KERNEL = 'this kernel is not the one of the checkpoint: its vdso differs';

/** The image folder of a set, as it was dumped; page files that are no fixtures are empty space. */
function imagesOf(set: GoldenSet, pages: Readonly<Record<string, number>> = {}): string {
  const dir = mkdtempSync(join(tmpdir(), 'woodfrog-golden-'));
  const images = fixtureFolder(set);
  for (const name of readdirSync(images)) {
    if (name.endsWith('.img')) copyFileSync(join(images, name), join(dir, name));
  }
  const contents = join(fixturesFolder, 'golden-pages', set);
  for (const name of existsSync(contents) ? readdirSync(contents) : []) {
    const bytes = brotliDecompressSync(readFileSync(join(contents, name)));
    writeFileSync(join(dir, name.replace(/\.br$/, '')), bytes);
  }
  for (const [name, size] of Object.entries(pages)) {
    writeFileSync(join(dir, name), '');
    truncateSync(join(dir, name), size);
  }
  return dir;
}

/** The very program that was dumped, or undefined where this machine's compiler makes another. */
function goldenProgram(): Buffer | undefined {
  const captured = join(root, '../shared/golden/loop/loop');
  if (existsSync(captured)) return readFileSync(captured);
  const dir = mkdtempSync(join(tmpdir(), 'woodfrog-golden-'));
  try {
    const made = join(dir, 'loop');
    execFileSync('gcc', ['-O1', '-static', '-s', '-o', made, testSource('interop/loop.c')]);
    const program = readFileSync(made);
    const sha256 = createHash('sha256').update(program).digest('hex');
    return sha256 === LOOP.sha256 ? program : undefined;
  } finally {
    rmSync(dir, { recursive: true });
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

const written = (pid: number): number =>
  Number(/^wchar: (\d+)$/m.exec(procText(pid, 'io') ?? '')?.[1] ?? 0);

async function restoreLoop(t: TestContext): Promise<void> {
  const { pid, path } = LOOP;
  const program = goldenProgram();
  if (program === undefined) return t.skip("this machine's gcc makes another executable");
  if (existsSync(`/proc/${pid}`)) return t.skip(`pid ${pid} is taken`);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, program, { mode: 0o755 });
  const images = imagesOf('loop');
  try {
    const run = await tool.attemptRestore(images);
    if (/vdso/.test(saidBy(run)) && run.status !== 0) {
      return t.skip(OTHER_KERNEL);
    }
    assert.equal(run.status, 0, describeRun(run));
    assert.equal(procText(pid, 'cmdline'), './loop\0');
    assert.equal(procLink(pid, 'exe'), path);
    assert.equal(procLink(pid, 'cwd'), dirname(path));
    const before = written(pid);
    await waitFor('it to count on', () => written(pid) >= before + 6, 5000);
  } finally {
    if (procLink(pid, 'exe') === path) kill(pid);
    await waitFor('its end', () => reap(pid) !== undefined || !isAlive(pid));
    rmSync(images, { recursive: true });
    rmSync(dirname(path), { recursive: true });
  }
}

interface Refused {
  set: GoldenSet;
  pid: number;
  pages: Readonly<Record<string, number>>;
  names: readonly RegExp[];
}

const REFUSED: readonly Refused[] = [
  {
    set: 'tasks',
    pid: 11073,
    pages: {},
    // Where its executable has been put in place, the timers are named; else the missing file.
    names: [/ITIMER_REAL.*POSIX timer 0|'\/tmp\/golden-run\/tasks\/tasks' is missing/s],
  },
  {
    set: 'files',
    pid: 11164,
    pages: { 'pages-1.img': 4096, 'pages-2.img': 4096, 'pages-3.img': 57_344 },
    names: [/a terminal/, /tty-data\.img/],
  },
  {
    set: 'sockets',
    pid: 11237,
    pages: { 'pages-1.img': 61_440 },
    names: [
      ...[/a unix socket/, /an internet socket/, /a netlink socket/, /a packet socket/],
      ...[/sk-queues\.img/, /tcp-stream-5d8b03\.img/],
    ],
  },
];

describe('checkpoints that CRIU wrote', () => {
  test("'loop' comes back and counts on", restoreLoop);
  for (const { set, pid, pages, names } of REFUSED) {
    test(`'${set}' is refused by the names of what is not restored yet`, async (t) => {
      const images = imagesOf(set, pages);
      try {
        const run = await tool.attemptRestore(images);
        assert.equal(run.status, 1, describeRun(run));
        if (/vdso/.test(run.stderr)) return t.skip(OTHER_KERNEL);
        for (const name of names) assert.match(run.stderr, name);
        assert.ok(!isAlive(pid), 'nothing was restored');
      } finally {
        rmSync(images, { recursive: true });
      }
    });
  }
});

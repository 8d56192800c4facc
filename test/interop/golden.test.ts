/**
 * Checkpoints that CRIU 4.2 wrote elsewhere: three come back to life here, the other is refused with
 * everything named that woodfrog does not restore yet.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  closeSync,
  constants,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
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
import {
  isAlive,
  procLink,
  procStatus,
  procText,
  stateOf,
  threadsOf,
  treeOf,
} from '../support/proc.js';
import { reap } from '../support/reaper.js';
import { describeRun, saidBy, tool } from '../support/tool.js';
import { waitFor } from '../support/wait.js';

/** What files.img and pstree.img say of a set whose program can be made here. */
interface Captured {
  set: GoldenSet;
  /** The root first. */
  pids: readonly number[];
  /** Of the root. */
  threads: readonly number[];
  sha256: string;
  /** What lies beside the program: `fifo` is one, others hold what the program wrote. */
  beside?: Readonly<Record<string, number>>;
}

const LOOP: Captured = {
  set: 'loop',
  pids: [11021],
  threads: [11021],
  sha256: '7d6153e3533204409ee0eee46742ffd9b3ffd20804713b378e57bf5f717fc229',
};
const TASKS: Captured = {
  set: 'tasks',
  pids: [11073, 11075, 11076, 11079],
  threads: [11073, 11077, 11078],
  sha256: '8483fa9fb4a8684962750941b3d0ab868a056846f37a687e7f5053c74ac30e11',
};
const FILES: Captured = {
  set: 'files',
  pids: [11164],
  threads: [11164],
  sha256: 'ff81f1d2f2b154b7fe8d6f3e1fda72f9bd523965933661eec228b6cdd5f7f8e5',
  beside: { regular: 0o640, fifo: 0o600 },
};
const pathOf = (set: GoldenSet): string => `/tmp/golden-run/${set}/${set}`;

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
function goldenProgram({ set, sha256 }: Captured): Buffer | undefined {
  const captured = join(root, '../shared/golden', set, set);
  if (existsSync(captured)) return readFileSync(captured);
  const dir = mkdtempSync(join(tmpdir(), 'woodfrog-golden-'));
  try {
    const made = join(dir, set);
    const flags = ['-DCAPTURED', '-O1', '-static', '-s', '-o', made];
    execFileSync('gcc', [...flags, testSource(`interop/${set}.c`)]);
    const program = readFileSync(made);
    const made256 = createHash('sha256').update(program).digest('hex');
    return made256 === sha256 ? program : undefined;
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

/** Restores the set, lets `verify` look at it, and removes all of it. */
async function restoreCaptured(
  t: TestContext,
  captured: Captured,
  verify: () => void | Promise<void>,
): Promise<void> {
  const { set, pids, threads } = captured;
  const path = pathOf(set);
  const program = goldenProgram(captured);
  if (program === undefined) return t.skip("this machine's gcc makes another executable");
  const taken = [...pids, ...threads].filter((pid) => existsSync(`/proc/${pid}`));
  if (taken.length > 0) return t.skip(`pid ${taken.join(', ')} is taken`);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, program, { mode: 0o755 });
  for (const [name, mode] of Object.entries(captured.beside ?? {})) {
    const beside = join(dirname(path), name);
    if (name === 'fifo') execFileSync('mkfifo', [beside]);
    else writeFileSync(beside, 'regular file');
    chmodSync(beside, mode);
  }
  const images = imagesOf(set);
  try {
    const run = await tool.attemptRestore(images);
    if (/vdso/.test(saidBy(run)) && run.status !== 0) {
      return t.skip(OTHER_KERNEL);
    }
    assert.equal(run.status, 0, describeRun(run));
    for (const pid of pids.filter((one) => stateOf(one) !== 'Z')) {
      assert.equal(procText(pid, 'cmdline'), `./${set}\0`);
      assert.equal(procLink(pid, 'exe'), path);
      assert.equal(procLink(pid, 'cwd'), dirname(path));
    }
    await verify();
  } finally {
    const own = pids.filter((pid) => procLink(pid, 'exe') === path);
    for (const pid of own) kill(pid);
    for (const pid of pids) {
      await waitFor(`the end of ${pid}`, () => reap(pid) !== undefined || !isAlive(pid));
    }
    rmSync(images, { recursive: true });
    rmSync(dirname(path), { recursive: true });
  }
}

async function verifyLoop(): Promise<void> {
  const [pid = 0] = LOOP.pids;
  const before = written(pid);
  await waitFor('it to count on', () => written(pid) >= before + 6, 5000);
}

const sorted = (numbers: readonly number[]): number[] => [...numbers].sort((a, b) => a - b);

function verifyTasks(): void {
  const { pids, threads } = TASKS;
  const [top = 0, , dead = 0] = pids;
  assert.deepEqual(sorted(treeOf(top)), pids);
  assert.deepEqual(sorted(threadsOf(top)), threads);
  assert.equal(stateOf(dead), 'Z');
  assert.match(procText(dead, 'stat') ?? '', / 1792$/m, 'it has exited with 7');
  const status = procStatus(top);
  assert.equal(status.get('ShdPnd'), '0000001000000200');
  assert.equal(
    procText(top, 'timers'),
    `ID: 0\nsignal: 10/000000000000002a\nnotify: signal/pid.${top}\nClockID: 1\n`,
  );
  assert.match(procText(top, 'limits') ?? '', /^Max open files\s+100\s+200\s/m);
  assert.equal(procStatus(threads[1] ?? 0).get('SigBlk'), '0000001000000a00');
  assert.equal(procText(threads[2] ?? 0, 'comm'), 'worker-b\n');
}

/** What can be read at once from what a task has open, by a description of its own. */
function readFrom(pid: number, fd: number): string {
  const opened = openSync(`/proc/${pid}/fd/${fd}`, constants.O_RDONLY | NONBLOCK_NOCTTY);
  try {
    const bytes = Buffer.alloc(4096);
    return bytes.toString('utf8', 0, readSync(opened, bytes));
  } finally {
    closeSync(opened);
  }
}

const NONBLOCK_NOCTTY = constants.O_NONBLOCK | constants.O_NOCTTY;

function verifyFiles(): void {
  const [pid = 0] = FILES.pids;
  const info = (fd: number): string => procText(pid, `fdinfo/${fd}`) ?? '';
  const folder = dirname(pathOf('files'));
  assert.match(info(3), /^pos:\s+12\nflags:\s+0102002$/m);
  assert.match(info(3), /^lock:\s+1: FLOCK {2}ADVISORY {2}WRITE/m);
  assert.equal(procLink(pid, 'fd/4'), `${folder}/ghost (deleted)`);
  assert.equal(readFrom(pid, 4), 'content of a deleted file');
  assert.equal(procLink(pid, 'fd/5'), folder);
  assert.match(info(7), /^eventfd-count:\s+7$/m);
  assert.match(info(8), /^it_value: \(35\d\d, \d+\)\nit_interval: \(10, 0\)$/m);
  assert.match(info(9), /^sigmask:\s+0000000000000200$/m);
  assert.match(info(10), /^inotify wd:1 .* mask:300 /m);
  for (const fd of [7, 8, 9]) {
    assert.match(info(11), new RegExp(`^tfd:\\s+${fd} .* data: 1122334455667788 `, 'm'));
  }
  assert.match(readFrom(pid, 12), /^memfd content\0+$/);
  assert.match(info(13), /^tty-index:\s+\d+$/m);
  assert.equal(readFrom(pid, 6), 'queued in the fifo');
  assert.equal(readFrom(pid, 14), 'typed\n');
}

interface Refused {
  set: GoldenSet;
  pid: number;
  pages: Readonly<Record<string, number>>;
  names: readonly RegExp[];
}

const REFUSED: readonly Refused[] = [
  {
    set: 'files',
    pid: 11164,
    pages: {},
    // All of it could come back; its program and its files are not there.
    names: [/files\/files' is missing/, /files\/regular' is missing/, /files\/fifo' is missing/],
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
  test("'loop' comes back and counts on", (t) => restoreCaptured(t, LOOP, verifyLoop));
  test("'tasks' comes back with all that its tasks are", (t) =>
    restoreCaptured(t, TASKS, verifyTasks));
  test("'files' comes back with all that it has open", (t) =>
    restoreCaptured(t, FILES, verifyFiles));
  for (const { set, pid, pages, names } of REFUSED) {
    test(`'${set}' is refused by the names of what is missing, or not restored yet`, async (t) => {
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

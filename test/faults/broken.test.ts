/** What a restore may find wrong: a pid taken, a file gone or changed, images cut off or damaged. It leaves nothing. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import {
  appendFileSync,
  cpSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { compile } from '../support/compile.js';
import { bounded } from '../support/kernel.js';
import { isAlive } from '../support/proc.js';
import { stopAll } from '../support/program.js';
import { leaveToNode } from '../support/reaper.js';
import { describeRun, mustSucceed, saidBy, type ToolRun } from '../support/tool.js';
import { type Bench, dumpedBench, imagesIn, restore, restoreFrom, tryEach } from './bench.js';
import { killVictim, mustBeUnharmed, Surroundings } from './victim.js';

/** A restore that must fail for the reason given, and leave nothing. */
async function mustLeaveNothing(b: Bench, reason: RegExp): Promise<void> {
  const surroundings = new Surroundings(b.victim, b.images, b.scratch);
  // A pid that somebody else has stays theirs.
  const free = b.victim.pids.filter((pid) => !isAlive(pid));
  const run = await restore(b);
  assert.equal(run.status, 1, describeRun(run));
  assert.match(saidBy(run), reason, describeRun(run));
  await surroundings.mustBeAsBefore();
  await b.victim.program.mustVanish(free);
}

async function mustComeBack(b: Bench): Promise<void> {
  mustSucceed(await restore(b));
  await mustBeUnharmed(b.victim, { strayMappings: false });
  await b.victim.program.mustPass();
}

interface Damage {
  image: string;
  /** Byte at which it is cut off, or whose bit is flipped. */
  at: number;
  bit: number | undefined;
}

/** Every image cut off at its edges and in the middle, and with one bit flipped here and there. */
function damages(b: Bench): Damage[] {
  return imagesIn(b.images).flatMap((image) => {
    const { length } = readFileSync(join(b.images, image));
    const cuts = [0, 3, 8, 11, Math.floor(length / 2), length - 1].filter((at) => at < length);
    const flips = [0, 5, 9, 13, 17, length / 3, length / 2, length - 5, length - 1]
      .map((at) => Math.floor(at))
      .filter((at) => at >= 0 && at < length);
    return [
      ...[...new Set(cuts)].map((at) => ({ image, at, bit: undefined })),
      ...[...new Set(flips)].map((at) => ({ image, at, bit: Math.floor(Math.random() * 8) })),
    ];
  });
}

/** Damaged images either restore, if the damage says nothing, or are refused and leave nothing. */
async function damagedRestore(b: Bench, { image, at, bit }: Damage): Promise<void> {
  const dir = join(b.scratch, 'damaged');
  cpSync(b.images, dir, { recursive: true });
  const path = join(dir, image);
  if (bit === undefined) truncateSync(path, at);
  else {
    const bytes = readFileSync(path);
    bytes[at] = (bytes[at] ?? 0) ^ (1 << bit);
    writeFileSync(path, bytes);
  }
  const surroundings = new Surroundings(b.victim, b.images, b.scratch);
  const { outputPath } = b.victim.program;
  const { size } = statSync(outputPath);
  const run = await restoreFrom(b, dir, { args: ['-o', '/dev/null'] });
  await judge(b, { run, surroundings });
  // A program that came back from images which are not its own may have noticed, and said so.
  truncateSync(outputPath, size);
  rmSync(dir, { recursive: true });
}

async function judge(
  b: Bench,
  { run, surroundings }: { run: ToolRun; surroundings: Surroundings },
): Promise<void> {
  assert.equal(run.signal, null, describeRun(run));
  if (run.status === 0) await killVictim(b.victim);
  else {
    assert.doesNotMatch(saidBy(run), /Internal error/, describeRun(run));
    await surroundings.mustBeAsBefore();
    await b.victim.program.mustVanish(b.victim.pids);
  }
}

describe('a restore that cannot be', () => {
  after(stopAll);

  test('a pid that is taken is named, with who has it, and nothing is left', (t) =>
    bounded(t, async () => {
      const b = await dumpedBench();
      const pid = b.victim.pids.at(-1) as number;
      const squatter = spawn(compile('faults/squatter.c'), [String(pid)], { stdio: 'pipe' });
      leaveToNode(squatter);
      await new Promise((done) => squatter.stdout.once('data', done));
      await mustLeaveNothing(b, new RegExp(`pid ${pid} is taken by 'squatter`));
      const ended = new Promise((done) => squatter.once('exit', done));
      squatter.stdin.end();
      await ended;
      await mustComeBack(b);
    }));

  test('a missing file is named, and nothing is left', (t) =>
    bounded(t, async () => {
      const b = await dumpedBench();
      const file = join(b.victim.program.dir, 'file');
      renameSync(file, `${file}.away`);
      await mustLeaveNothing(b, /'\S*\/file' is missing|\/file.*ENOENT/);
      renameSync(`${file}.away`, file);
      await mustComeBack(b);
    }));

  test('a file of another size is named, and nothing is left', (t) =>
    bounded(t, async () => {
      const b = await dumpedBench();
      const file = join(b.victim.program.dir, 'file');
      appendFileSync(file, 'more');
      await mustLeaveNothing(b, /\/file.*(size|bytes)/);
      truncateSync(file, 12);
      await mustComeBack(b);
    }));

  test('damaged images never leave a process', { timeout: 7_200_000 }, (t) =>
    bounded(t, async () => {
      let b = await dumpedBench();
      let found = damages(b);
      const names = found.map(({ image, bit }) => image.replace(/\d+/, '') + (bit === undefined));
      const act = (n: number) => damagedRestore(b, found[n - 1] as Damage);
      const renew = async () => {
        await b.victim.program.stop();
        b = await dumpedBench();
        found = damages(b);
      };
      await tryEach(t, names, { act, renew });
      await mustComeBack(b);
    }),
  );
});

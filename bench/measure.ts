/**
 * One measured run: a fresh program is frozen and goes on, then is dumped and comes back, each
 * under the clock.
 */
import {
  closeSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { compile } from '../test/support/compile.js';
import { type Program, startProgram } from '../test/support/program.js';
import { mustSucceed, Tool } from '../test/support/tool.js';
import { sleep } from '../test/support/wait.js';
import type { Workload } from './workloads.js';

/** What is measured; milliseconds and MiB. */
export interface Figures {
  /** The longest gap that the program itself saw over a dump with -R. */
  gapMs: number;
  dumpMs: number;
  restoreMs: number;
  imagesMiB: number;
  dumpToolMiB: number;
  restoreToolMiB: number;
}

const SLOT_BYTES = 16;
const SLOTS = 3;

export async function measureOnce(workload: Workload, toolPath: string): Promise<Figures> {
  const program = startProgram('../bench/workload.c', { args: workload.args });
  try {
    await program.waitReady(60_000);
    await sleep(50);
    const frozen = join(program.dir, 'frozen');
    resetGaps(program);
    await sleep(20);
    await timed(program, toolPath, ['dump', '-R', '-t', String(program.pid), '-D', frozen]);
    await sleep(20);
    const gapMs = longestGapMs(program);
    rmSync(frozen, { recursive: true });

    const images = join(program.dir, 'images');
    const pids = program.tree();
    const dump = await timed(program, toolPath, ['dump', '-t', String(program.pid), '-D', images]);
    await program.mustVanish(pids, 20_000);
    const imagesMiB = folderMiB(images);
    const restore = await timed(program, toolPath, ['restore', '-d', '-D', images]);
    await program.mustPass(60_000);
    return {
      gapMs,
      dumpMs: dump.wallMs,
      restoreMs: restore.wallMs,
      imagesMiB,
      dumpToolMiB: dump.peakMiB,
      restoreToolMiB: restore.peakMiB,
    };
  } finally {
    await program.stop();
  }
}

/**
 * Runs the tool under a wrapper that measures it from outside, so that no time of ours is counted.
 */
async function timed(
  program: Program,
  toolPath: string,
  args: readonly string[],
): Promise<{ wallMs: number; peakMiB: number }> {
  const figures = join(program.dir, 'figures');
  mkdirSync(args.at(-1) ?? '', { recursive: true });
  const wrapper = new Tool(compile('../bench/measure.c'));
  mustSucceed(await wrapper.run([figures, toolPath, ...args, '-o', 'log']));
  const [wallNs = 0, peakKiB = 0] = readFileSync(figures, 'utf8').trim().split(' ').map(Number);
  return { wallMs: wallNs / 1e6, peakMiB: peakKiB / 1024 };
}

function resetGaps(program: Program): void {
  const file = openSync(join(program.dir, 'stamps'), 'r+');
  for (let slot = 0; slot < SLOTS; slot++)
    writeSync(file, Buffer.alloc(8), 0, 8, slot * SLOT_BYTES);
  closeSync(file);
}

function longestGapMs(program: Program): number {
  const bytes = readFileSync(join(program.dir, 'stamps'));
  const gaps = Array.from({ length: SLOTS }, (_, i) => bytes.readBigUInt64LE(i * SLOT_BYTES));
  return Math.max(...gaps.map(Number)) / 1e6;
}

/** Image bytes, without the log. */
const folderMiB = (dir: string): number =>
  readdirSync(dir)
    .filter((name) => name !== 'log')
    .reduce((sum, name) => sum + statSync(join(dir, name)).size, 0) /
  2 ** 20;

/**
 * node out/bench/freezing.js [COUNT ...]: how long it takes to stop a tree of so many processes, and to hold it, in
 * microseconds a task. Both must not grow with the number. From the statistics of dumps with -R; the best of three.
 */
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { startProgram, stopAll } from '../test/support/program.js';
import { mustSucceed, tool } from '../test/support/tool.js';

const RUNS = 3;
const TIMEOUT_MS = 300_000;

interface Times {
  freezing: number;
  frozen: number;
}

async function measure(count: number): Promise<Times> {
  const program = startProgram('../bench/workload.c', { args: ['tree', String(count)] });
  await program.waitReady(TIMEOUT_MS);
  const images = join(program.dir, 'images');
  const best: Times = { freezing: Number.POSITIVE_INFINITY, frozen: Number.POSITIVE_INFINITY };
  for (let left = RUNS; left > 0; left--) {
    mkdirSync(images);
    const args = ['dump', '-R', '-t', String(program.pid), '-D', images, '-o', 'log'];
    const run = await tool.run([...args, '--timeout', '120', '--json'], { timeoutMs: TIMEOUT_MS });
    const { freezing_time, frozen_time } = JSON.parse(mustSucceed(run).stdout).stats;
    best.freezing = Math.min(best.freezing, freezing_time / (count + 1));
    best.frozen = Math.min(best.frozen, frozen_time / (count + 1));
    rmSync(images, { recursive: true });
  }
  await program.stop();
  return best;
}

const counts = process.argv.slice(2).map(Number);
console.log('processes  to stop, us a task  held, us a task');
try {
  for (const count of counts.length > 0 ? counts : [20, 200, 2000]) {
    const { freezing, frozen } = await measure(count);
    const cells = [String(count).padStart(9), freezing.toFixed(0).padStart(19)];
    console.log(`${cells.join('')}${frozen.toFixed(0).padStart(17)}`);
  }
} finally {
  await stopAll();
}

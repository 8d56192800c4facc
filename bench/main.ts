/**
 * npm run bench [-- --against PATH-TO-CRIU] [--runs K] [--only WORDS] [--json] [--max-seconds S]
 * Fresh program per run; the two tools in turns (A B A B ...), so that a noisy machine hits both;
 * first runs dropped.
 */
import { parseArgs } from 'node:util';
import { stopAll } from '../test/support/program.js';
import { tool } from '../test/support/tool.js';
import { measureOnce } from './measure.js';
import { type Result, summarize, table } from './report.js';
import { type Workload, workloads } from './workloads.js';

const { values: options } = parseArgs({
  options: {
    against: { type: 'string' },
    runs: { type: 'string' },
    only: { type: 'string' },
    json: { type: 'boolean', default: false },
    'max-seconds': { type: 'string', default: '900' },
  },
});

const deadline = performance.now() + Number(options['max-seconds']) * 1000;

async function measure(workload: Workload): Promise<Result> {
  const result: Result = { workload: workload.name, ours: [], theirs: [] };
  const runs = Number(options.runs ?? workload.runs);
  try {
    for (let run = 0; run <= runs; run++) {
      if (performance.now() > deadline) throw new Error('out of time (--max-seconds)');
      const ours = await measureOnce(workload, tool.path);
      const theirs =
        options.against === undefined ? undefined : await measureOnce(workload, options.against);
      if (run === 0) continue;
      result.ours.push(ours);
      if (theirs !== undefined) result.theirs.push(theirs);
    }
  } catch (error) {
    result.failure = (error as Error).message;
    await stopAll();
  }
  return result;
}

const chosen = workloads.filter(({ name }) => name.includes(options.only ?? ''));
const summaries = [];
for (const workload of chosen) {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${workload.name} ...`);
  summaries.push(summarize(await measure(workload)));
}
if (process.stderr.isTTY) process.stderr.write('\r\x1b[K');
console.log(options.json ? JSON.stringify(summaries, null, 2) : table(summaries));
for (const { workload, failure } of summaries) {
  if (failure !== undefined) console.error(`\n${workload}: ${failure}`);
}
process.exitCode = summaries.some(({ failure }) => failure !== undefined) ? 1 : 0;

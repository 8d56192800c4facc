/** `npm run fuzz -- [seconds] [first seed]`: mutated checkpoints for as long as one likes. Exit 1 when something is found. */
import { Worker } from 'node:worker_threads';
import type { Progress } from './worker.js';

/** Fifty inputs, each far below its bound. */
const STILL_MS_MAX = 60_000;
const HEAP_MB_MAX = 512;

const [seconds = 30, firstSeed = Math.floor(Date.now() / 1000) % 1_000_000] = process.argv
  .slice(2)
  .map(Number);

function fuzz(): Promise<{ progress: Progress | undefined; findings: string[] }> {
  const worker = new Worker(new URL('./worker.js', import.meta.url), {
    workerData: { firstSeed, seconds },
    resourceLimits: { maxOldGenerationSizeMb: HEAP_MB_MAX },
  });
  const findings: string[] = [];
  let last: Progress | undefined;
  return new Promise((resolve) => {
    const stop = (finding?: string) => {
      clearTimeout(timer);
      if (finding !== undefined) findings.push(finding);
      void worker.terminate().then(() => resolve({ progress: last, findings }));
    };
    const still = () =>
      stop(`no answer for ${STILL_MS_MAX} ms after seed ${last?.seed ?? firstSeed}`);
    let timer = setTimeout(still, STILL_MS_MAX);
    worker.on('message', (progress: Progress) => {
      clearTimeout(timer);
      timer = setTimeout(still, STILL_MS_MAX);
      last = progress;
      for (const finding of progress.findings) {
        findings.push(finding);
        process.stderr.write(`${finding}\n`);
      }
    });
    worker.on('error', (error) => stop(`after seed ${last?.seed ?? firstSeed}: ${error.message}`));
    worker.on('exit', () => stop());
  });
}

const { progress, findings } = await fuzz();
const { tried = 0, refused = 0, accepted = 0, slowestMs = 0 } = progress ?? {};
const rss = Math.round(process.resourceUsage().maxRSS / 1024);
process.stdout.write(
  `${tried} inputs from seed ${firstSeed}: ${findings.length} findings; ${accepted} parts took theirs, ` +
    `${refused} refused it; slowest ${Math.round(slowestMs)} ms, memory at most ${rss} MiB\n`,
);
for (const finding of findings) process.stdout.write(`${finding}\n`);
process.exitCode = findings.length > 0 ? 1 : 0;

/** Runs inputs one after the other and reports each batch; main.ts watches that it does not stand still. */
import { parentPort, workerData } from 'node:worker_threads';
import { seeded } from '../support/golden.js';
import { corpus } from './corpus.js';
import { fuzzOnce } from './target.js';

export interface Progress {
  readonly seed: number;
  /** Of the input that begins now: known also when it never ends. */
  readonly tried: number;
  readonly refused: number;
  readonly accepted: number;
  readonly findings: readonly string[];
  readonly slowestMs: number;
}

const { firstSeed, seconds } = workerData as { firstSeed: number; seconds: number };
const sets = corpus();
const end = performance.now() + seconds * 1000;
let [tried, refused, accepted, slowestMs] = [0, 0, 0, 0];
for (let seed = firstSeed; performance.now() < end; seed++) {
  const outcome = fuzzOnce(
    sets[seed % sets.length] as (typeof sets)[number],
    seeded(seed * 2654435761 + 1),
  );
  tried++;
  refused += outcome.refused;
  accepted += outcome.accepted;
  slowestMs = Math.max(slowestMs, outcome.ms);
  const findings = outcome.findings.map(
    (finding) => `seed ${seed} (${outcome.mutations.join('; ')}): ${finding}`,
  );
  const progress: Progress = { seed, tried, refused, accepted, findings, slowestMs };
  if (findings.length > 0 || tried % 50 === 0) parentPort?.postMessage(progress);
}
parentPort?.postMessage({ seed: -1, tried, refused, accepted, findings: [], slowestMs });

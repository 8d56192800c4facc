/**
 * Trees that never stand still, frozen as often as the time allows: each time whole, or refused for a reason that is told,
 * and never harmed. FAULTS=all freezes each of them thousands of times.
 */
import assert from 'node:assert/strict';
import { dirname, join } from 'node:path';
import { after, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { bounded } from '../support/kernel.js';
import { startProgram, stopAll } from '../support/program.js';
import { describeRun, Tool } from '../support/tool.js';
import { BUDGET_MS } from './bench.js';

const loop = join(dirname(fileURLToPath(import.meta.url)), 'freeze-loop.js');
const thousands = process.env.FAULTS === 'all';
const COUNT = thousands ? 3000 : 1000;
const SECONDS = thousands ? 240 : BUDGET_MS / 2000;

/** What may stand in the way of one attempt: on a busy machine a fork bomb may be faster. */
const MAY_SAY = /ended meanwhile|timed out after .* waiting for the tree to stop/;

describe('a freeze of what never stands still', () => {
  after(stopAll);
  for (const [name, what] of [
    ['bomb', 'a fork bomb'],
    ['processes', 'processes that come and go'],
    ['threads', 'threads that come and go'],
    ['execs', 'processes that run other programs'],
  ] as const) {
    test(`${what}: whole, or refused, and nobody is lost`, (t) =>
      bounded(t, async () => {
        const program = startProgram('faults/churn.c', { args: [name] });
        await program.waitReady();
        const args = [loop, String(program.pid), String(COUNT), String(SECONDS)];
        const run = await new Tool(process.execPath).run(args, {
          timeoutMs: SECONDS * 1000 + 60_000,
        });
        assert.equal(run.status, 0, describeRun(run));
        const outcomes: Record<string, number> = JSON.parse(run.stdout);
        t.diagnostic(run.stdout);
        for (const outcome of Object.keys(outcomes)) {
          assert.ok(outcome === 'caught whole' || MAY_SAY.test(outcome), outcome);
        }
        if (name !== 'bomb') assert.ok((outcomes['caught whole'] ?? 0) > 0, run.stdout);
        assert.equal(program.ended(), undefined, program.output());
        await program.mustPass(60_000);
      }));
  }
});

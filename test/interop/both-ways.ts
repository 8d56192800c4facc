/**
 * Every program of the kernel tests goes over from woodfrog to CRIU, and back from CRIU to
 * woodfrog: dumped by one, restored by the other, and must look the same and pass. A third of them per test file: one
 * file would take too long.
 */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { bounded, checkpoint, declareBy, type KernelTest, type Pair } from '../support/kernel.js';
import { Skipped } from '../support/program.js';
import { criu, NO_CRIU, type Tool, tool } from '../support/tool.js';
import { type Failure, KNOWN_FAILURES } from './known-failures.js';

const kernelTests = join(dirname(fileURLToPath(import.meta.url)), '../kernel');

/** The test files that say what they hold by kernelTest: not those that look at woodfrog itself. */
const AREAS = readdirSync(kernelTests, { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.test.js'))
  .filter((name) => readFileSync(join(kernelTests, name), 'utf8').includes('kernelTest('))
  .sort();

const seen = new Set<string>();

function bothWays(spec: KernelTest, other: Tool): void {
  if (spec.leaveRunningOnly) return;
  const known = KNOWN_FAILURES[spec.name];
  const declare = (name: string, pair: Pair, failure: Failure | undefined): void => {
    const expected = failure === undefined ? '' : `, and fails: ${failure.why}`;
    test(`${name}${expected}`, (t) =>
      failure === undefined
        ? bounded(t, () => checkpoint({ ...spec, rounds: 1 }, pair))
        : mustFail(t, { spec, pair, failure }));
  };
  describe(spec.name, () => {
    declare('woodfrog dumps, CRIU restores', { dumper: tool, restorer: other }, known?.toCriu);
    declare('CRIU dumps, woodfrog restores', { dumper: other, restorer: tool }, known?.fromCriu);
  });
}

interface Expected {
  spec: KernelTest;
  pair: Pair;
  failure: Failure;
}

/** A failure that is gone is a line to take off the list; another one than is known may be woodfrog's. */
async function mustFail(t: TestContext, { spec, pair, failure }: Expected): Promise<void> {
  let outcome: { said?: string } | undefined;
  await bounded(t, async () => {
    const quick = { ...spec, rounds: 1, timeoutMs: 5000 };
    outcome = await checkpoint(quick, { ...pair, settleMs: 200 }).then(
      () => ({}),
      (error: Error) => {
        if (error instanceof Skipped) throw error;
        return { said: error.message };
      },
    );
  });
  if (outcome === undefined) return;
  if (outcome.said !== undefined) assert.match(outcome.said, failure.says);
  else assert.ok(failure.sometimes, 'it passes now: take it off the list of known failures');
}

/** Declares the tests of every `of`-th program, beginning with number `share`. */
export async function declareShare(share: number, of: number): Promise<void> {
  const other = criu();
  if (other === undefined) {
    test('kernel programs go to CRIU and come back', { skip: NO_CRIU }, () => {});
    return;
  }
  declareBy((spec) => {
    const isOurs = seen.size % of === share;
    seen.add(spec.name);
    if (isOurs) bothWays(spec, other);
  });
  for (const area of AREAS) await import(join(kernelTests, area));
  test('every known failure is one of a program', () => {
    assert.deepEqual(
      Object.keys(KNOWN_FAILURES).filter((name) => !seen.has(name)),
      [],
    );
  });
}

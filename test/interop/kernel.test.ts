/**
 * Every program of the kernel tests goes over from woodfrog to CRIU, and back from CRIU to
 * woodfrog: dumped by one, restored by the other, and must look the same and pass.
 */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { bounded, checkpoint, declareBy, type KernelTest, type Pair } from '../support/kernel.js';
import { criu, NO_CRIU, type Tool, tool } from '../support/tool.js';
import { KNOWN_FAILURES } from './known-failures.js';

const kernelTests = join(dirname(fileURLToPath(import.meta.url)), '../kernel');

/** The test files that say what they hold by kernelTest: not those that look at woodfrog itself. */
const AREAS = readdirSync(kernelTests, { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.test.js'))
  .filter((name) => readFileSync(join(kernelTests, name), 'utf8').includes('kernelTest('))
  .sort();

const seen = new Set<string>();

function bothWays(spec: KernelTest, other: Tool): void {
  seen.add(spec.name);
  if (spec.leaveRunningOnly) return;
  const known = KNOWN_FAILURES[spec.name];
  const declare = (name: string, pair: Pair, failure: string | undefined): void => {
    // Not looked at yet, in which way it fails.
    if (known === undefined && spec.criuFails !== undefined) {
      test(name, { skip: `CRIU: ${spec.criuFails}` }, () => {});
      return;
    }
    const expected = failure === undefined ? '' : `, and fails: ${failure}`;
    test(`${name}${expected}`, (t) =>
      failure === undefined
        ? bounded(t, () => checkpoint({ ...spec, rounds: 1 }, pair))
        : mustFail(t, { spec, pair, sometimes: known?.sometimes === true }));
  };
  describe(spec.name, () => {
    declare('woodfrog dumps, CRIU restores', { dumper: tool, restorer: other }, known?.toCriu);
    declare('CRIU dumps, woodfrog restores', { dumper: other, restorer: tool }, known?.fromCriu);
  });
}

/** A failure that is gone is a line to take off the list. */
async function mustFail(
  t: TestContext,
  { spec, pair, sometimes }: { spec: KernelTest; pair: Pair; sometimes: boolean },
): Promise<void> {
  let failed = false;
  await bounded(t, async () => {
    const quick = { ...spec, rounds: 1, timeoutMs: 5000 };
    const run = checkpoint(quick, { ...pair, settleMs: 200 });
    failed = await run.then(
      () => false,
      (error) => {
        t.diagnostic(String(error).slice(0, 300));
        return true;
      },
    );
  });
  if (!sometimes) assert.ok(failed, 'it passes now: take it off the list of known failures');
}

const other = criu();
if (other === undefined) {
  test('kernel programs go to CRIU and come back', { skip: NO_CRIU }, () => {});
} else {
  declareBy((spec) => bothWays(spec, other));
  for (const area of AREAS) await import(join(kernelTests, area));
  test('every known failure is one of a program', () => {
    assert.deepEqual(
      Object.keys(KNOWN_FAILURES).filter((name) => !seen.has(name)),
      [],
    );
  });
}

/**
 * Every program of the kernel tests goes over from woodfrog to CRIU, and back from CRIU to
 * woodfrog: dumped by one, restored by the other, and must look the same and pass.
 */
import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import { bounded, checkpoint, declareBy, type KernelTest, type Pair } from '../support/kernel.js';
import { criu, NO_CRIU, type Tool, tool } from '../support/tool.js';
import { KNOWN_FAILURES } from './known-failures.js';

/** Not those that look at woodfrog's own command line, library or messages. */
const AREAS = [
  'cgroups/cgroups',
  'clocks/clocks',
  'credentials/credentials',
  'fifos/fifos',
  'files/files',
  'fs/fs',
  'ghosts/ghosts',
  'identity/identity',
  'locks/locks',
  'memory/memory',
  'memory-pages/newer',
  'mm-layout/mm-layout',
  'owners/owners',
  'pipes/pipes',
  'process-flags/flags',
  'registers/registers',
  'rlimits/rlimits',
  'scheduling/scheduling',
  'signals/signals',
  'threads/threads',
  'tree/tree',
  'vdso/vdso',
];

function bothWays(spec: KernelTest, other: Tool): void {
  if (spec.leaveRunningOnly) return;
  const known = KNOWN_FAILURES[spec.name] ?? {};
  const declare = (name: string, pair: Pair, failure: string | undefined): void => {
    const expected = failure === undefined ? '' : `, and fails: ${failure}`;
    test(`${name}${expected}`, (t) =>
      failure === undefined
        ? bounded(t, () => checkpoint({ ...spec, rounds: 1 }, pair))
        : mustFail(t, { spec, pair, sometimes: known.sometimes === true }));
  };
  describe(spec.name, () => {
    declare('woodfrog dumps, CRIU restores', { dumper: tool, restorer: other }, known.toCriu);
    declare('CRIU dumps, woodfrog restores', { dumper: other, restorer: tool }, known.fromCriu);
  });
}

/** A failure that is gone is a line to take off the list. */
async function mustFail(
  t: TestContext,
  { spec, pair, sometimes }: { spec: KernelTest; pair: Pair; sometimes: boolean },
): Promise<void> {
  let failed = false;
  await bounded(t, async () => {
    const run = checkpoint({ ...spec, rounds: 1 }, { ...pair, settleMs: 200 });
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
  for (const area of AREAS) await import(`../kernel/${area}.test.js`);
}

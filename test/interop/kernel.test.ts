/**
 * Every program of the kernel tests goes over from woodfrog to CRIU, and back from CRIU to
 * woodfrog: dumped by one, restored by the other, and must look the same and pass.
 */
import { describe, test } from 'node:test';
import { bounded, checkpoint, declareBy, type KernelTest } from '../support/kernel.js';
import { criu, NO_CRIU, type Tool, tool } from '../support/tool.js';

const AREAS = [
  'cgroups/cgroups',
  'clocks/clocks',
  'credentials/credentials',
  'fifos/fifos',
  'files/files',
  'fs/fs',
  'ghosts/ghosts',
  'identity/identity',
  'memory/memory',
  'memory-pages/newer',
  'mm-layout/mm-layout',
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
  const once = { ...spec, rounds: 1 };
  describe(spec.name, () => {
    test('woodfrog dumps, CRIU restores', (t) =>
      bounded(t, () => checkpoint(once, { dumper: tool, restorer: other })));
    test('CRIU dumps, woodfrog restores', (t) =>
      bounded(t, () => checkpoint(once, { dumper: other, restorer: tool })));
  });
}

const other = criu();
if (other === undefined) {
  test('kernel programs go to CRIU and come back', { skip: NO_CRIU }, () => {});
} else {
  declareBy((spec) => bothWays(spec, other));
  for (const area of AREAS) await import(`../kernel/${area}.test.js`);
}

/** What is left out and handed in goes over from woodfrog to CRIU and back: one dumps, the other restores. */
import { describe, test } from 'node:test';
import { bounded } from '../support/kernel.js';
import { detached, OUTSIDE_CASES } from '../support/outside.js';
import { criu, NO_CRIU, tool } from '../support/tool.js';

const other = criu();
if (other === undefined) {
  test('CRIU and woodfrog are handed descriptors alike', { skip: NO_CRIU }, () => {});
} else {
  for (const { name, run, criuCannotDump, criuCannotRestore } of OUTSIDE_CASES) {
    describe(name, () => {
      test('CRIU dumps, woodfrog restores', { skip: criuCannotDump ?? false }, (t) =>
        bounded(t, () => run({ dumper: other, restorer: tool }, detached)),
      );
      test('woodfrog dumps, CRIU restores', { skip: criuCannotRestore ?? false }, (t) =>
        bounded(t, () => run({ dumper: tool, restorer: other }, detached)),
      );
    });
  }
}

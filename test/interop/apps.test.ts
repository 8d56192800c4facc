/** Real programs go over from woodfrog to CRIU and back, and lose nothing. */
import { describe, test } from 'node:test';
import { APPS, bigApp, goAndReturn } from '../support/apps.js';
import { bounded } from '../support/kernel.js';
import { criu, NO_CRIU, tool } from '../support/tool.js';

const other = criu();
if (other === undefined) {
  test('real programs go to CRIU and come back', { skip: NO_CRIU }, () => {});
} else {
  const toCriu = goAndReturn({ dumper: tool, restorer: other });
  const fromCriu = goAndReturn({ dumper: other, restorer: tool });
  for (const { name, run, criuLoses } of [...APPS, bigApp(64)]) {
    if (criuLoses !== undefined) continue;
    describe(name, () => {
      test('woodfrog dumps, CRIU restores', (t) => bounded(t, () => run(toCriu)));
      test('CRIU dumps, woodfrog restores', (t) => bounded(t, () => run(fromCriu)));
    });
  }
}

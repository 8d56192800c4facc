/** What is outside the tree is left out by --external, and handed in by --inherit-fd; also where a shell does it. */
import { describe, test } from 'node:test';
import { bounded } from '../../support/kernel.js';
import { detached, inForeground, OUTSIDE_CASES } from '../../support/outside.js';
import { tool } from '../../support/tool.js';

const pair = { dumper: tool, restorer: tool };

for (const { name, run } of OUTSIDE_CASES) {
  describe(name, () => {
    test('restore -d', (t) => bounded(t, () => run(pair, detached)));
    test('restore that waits', (t) => bounded(t, () => run(pair, inForeground)));
  });
}

import assert from 'node:assert/strict';
import { chmodSync } from 'node:fs';
import { kernelTest, type View } from '../../support/kernel.js';
import { describeRun, saidBy, tool } from '../../support/tool.js';

/** The program's output has other permissions now: that is refused, and named. */
async function change({ program, imagesDir }: View): Promise<void> {
  chmodSync(program.outputPath, 0o640);
  const run = await tool.attemptRestore(imagesDir);
  assert.notEqual(run.status, 0, describeRun(run));
  if (!tool.isCriu) assert.match(saidBy(run), /output' has the mode 0640, and had 0644/);
}

kernelTest({
  name: 'a file with other permissions is refused, and taken with --skip-file-rwx-check',
  program: 'files/regular.c',
  betweenRuns: change,
  restoreArgs: ['--skip-file-rwx-check'],
});

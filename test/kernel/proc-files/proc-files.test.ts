import assert from 'node:assert/strict';
import { kernelTest, type View } from '../../support/kernel.js';
import { startProgram } from '../../support/program.js';
import { describeRun, saidBy, tool } from '../../support/tool.js';

/** The kernel numbers what belongs to a task anew; zombies have the masks of what stood in for them. */
const ignore = [/fdinfo\/\d+$/, /status\.Sig(Blk|Ign)$/];

for (const [play, name, criuFails] of [
  ['system', 'open files of /proc itself stay open'],
  ['self', 'a process keeps open files and directories of its own in /proc'],
  ['relatives', 'open files of relatives in /proc stay theirs'],
  ['gone', 'open files of a process that is gone lead to nobody'],
  [
    'list',
    'the open list of descriptors of a process that is gone stays open',
    'it looks at it by fstat(2)',
  ],
] as const) {
  kernelTest({
    ...{ name, program: 'proc-files/proc-files.c', args: [play], ignore, rounds: 2 },
    ...(criuFails && { criuFails }),
  });
}

/** Somebody has the number of the process that is gone. */
async function takePid({ program, imagesDir }: View): Promise<void> {
  const [, gone = ''] = /^GONE (\d+)$/m.exec(program.output()) ?? [];
  const occupant = startProgram('kernel/proc-files/occupant.c', { args: [gone] });
  await occupant.waitReady();
  const run = await tool.attemptRestore(imagesDir);
  assert.notEqual(run.status, 0, describeRun(run));
  if (!tool.isCriu) {
    assert.ok(saidBy(run).includes(`files of process ${gone}, which is gone, are open`));
  }
  await occupant.mustPass();
}

kernelTest({
  name: 'files of a process that is gone come back once nobody has its pid',
  ...{ program: 'proc-files/proc-files.c', args: ['gone'], ignore, betweenRuns: takePid },
});

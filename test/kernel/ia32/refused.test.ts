/** What of 32-bit programs is refused. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { FLAGS_32, NO_32_BIT } from '../../support/ia32.js';
import { bounded } from '../../support/kernel.js';
import { startProgram } from '../../support/program.js';
import { describeRun, saidBy, tool } from '../../support/tool.js';

const skip = tool.isCriu ? 'of woodfrog alone' : NO_32_BIT;

test(
  'a 32-bit program that runs 64-bit code is refused by name, and goes on',
  {
    ...(skip === undefined ? {} : { skip }),
  },
  (t) =>
    bounded(t, async () => {
      const program = startProgram('kernel/ia32/far.c', { flags: FLAGS_32 });
      await program.waitReady();
      const images = join(program.dir, 'images');
      const refusal = /runs 64-bit code in a 32-bit program/;
      const run = await tool.attemptDump(program.pid, images);
      assert.equal(run.status, 1, describeRun(run));
      assert.match(saidBy(run), refusal);
      const { stdout } = await tool.attemptDump(program.pid, images, ['--explain']);
      assert.match(stdout, refusal);
      await program.mustPass();
    }),
);

test(
  'a filter of a 32-bit program is asked about calls of either code',
  {
    ...(skip === undefined ? {} : { skip }),
  },
  (t) =>
    bounded(t, async () => {
      const program = startProgram('kernel/ia32/program.c', {
        flags: FLAGS_32,
        args: ['confined'],
      });
      await program.waitReady();
      const images = join(program.dir, 'images');
      const run = await tool.attemptDump(program.pid, images, ['-R', '--refuse-seccomp-window']);
      assert.equal(run.status, 1, describeRun(run));
      assert.match(saidBy(run), /a filter answers \w+ by SECCOMP_RET_KILL_PROCESS/);
      await program.mustPass();
    }),
);

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { bounded, kernelTest } from '../../support/kernel.js';
import { startProgram } from '../../support/program.js';
import { describeRun, saidBy, tool } from '../../support/tool.js';

/** Expirations are counted while nobody looks. */
const ignore = [/fdinfo/];

kernelTest({
  name: 'timerfds of all clocks keep the time that is left, absolute ones their time of the clock',
  program: 'timerfd/timerfd.c',
  args: ['clocks'],
  rounds: 2,
  criuFails: 'it moves absolute times by what passed between dump and restore',
});

kernelTest({
  name: 'timerfds that wake the machine keep their time, too',
  program: 'timerfd/timerfd.c',
  args: ['alarms'],
  criuFails: 'it does not know their clocks',
});

kernelTest({
  name: 'timerfds keep expirations that nobody has read, and go on',
  program: 'timerfd/timerfd.c',
  args: ['expired'],
  rounds: 2,
  ignore,
  criuFails: 'it stops a periodic timer that has expired and waits to be read',
});

kernelTest({
  name: 'a timerfd wakes the child that waits for it',
  program: 'timerfd/timerfd.c',
  args: ['waiting'],
  ignore,
});

// These set the clock by a nanosecond. That is everybody's: no other test file may have timers that want to hear of it.
kernelTest({
  name: 'timerfds hear of a clock that is set',
  program: 'timerfd/timerfd.c',
  args: ['cancel'],
  ignore,
  criuFails: 'it moves absolute times by what passed between dump and restore',
});

for (const state of ['armed', 'periodic', 'expired', 'at-rest']) {
  test(`a timerfd whose clock was set, unread, is refused, and still says so: ${state}`, (t) =>
    bounded(t, async () => {
      const args = [`cancelled-${state}`];
      const program = startProgram('kernel/timerfd/timerfd.c', { args });
      await program.waitReady();
      const run = await tool.attemptDump(program.pid, join(program.dir, 'images'), ['-R']);
      if (!tool.isCriu) {
        assert.notEqual(run.status, 0, describeRun(run));
        assert.match(saidBy(run), /timerfd.*its clock was set.*ECANCELED/);
      }
      await program.mustPass();
    }));
}

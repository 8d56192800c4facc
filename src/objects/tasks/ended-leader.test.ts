import assert from 'node:assert/strict';
import { test } from 'node:test';
import { goldenCore, stat, status } from '../../../test/support/task-states.js';
import { user_regs_struct } from '../../arch/arch.js';
import type { ProcessView } from '../../checkpoint/views.js';
import { FULL_SIGSET } from '../../linux/signal.js';
import { defined } from '../../support/assert.js';
import type { CoreEntry, ProcessRebuild } from '../rebuild-context.js';
import { coreOfEndedLeader, endOfLeader, hasEndedLeader } from './ended-leader.js';

const golden = goldenCore('tasks', 11073);
const asked = (): CoreEntry => ({
  ...golden,
  tc: { ...defined(golden.tc, 'tc'), blk_sigset: 5n },
  thread_core: { ...defined(golden.thread_core, 'thread_core') },
});

test('the core of a leader that has ended holds what belongs to the process, and no registers', () => {
  const other = asked();
  const leader = { stat: { ...stat(), comm: 'first', exit_code: 0x300 }, status: status() };
  const core = coreOfEndedLeader({ endedLeader: leader } as ProcessView, { asked: other });
  assert.ok(hasEndedLeader(core));
  assert.ok(!hasEndedLeader(golden));
  assert.equal(core.thread_info, undefined);
  const { comm, blk_sigset, leader_exit_code, sigactions } = defined(core.tc, 'tc');
  assert.deepEqual([comm, blk_sigset, leader_exit_code], ['first', 0n, 0x300]);
  assert.equal(sigactions.length, 62);
  assert.equal(core.thread_core?.creds?.secbits, golden.thread_core?.creds?.secbits);
  assert.equal(other.tc, undefined);
  assert.equal(other.thread_core?.blk_sigset, 5n);
});

const process = (leader_exit_code: number, others: CoreEntry[]): ProcessRebuild => {
  const core = { ...golden, tc: { ...defined(golden.tc, 'tc'), leader_exit_code } };
  const threads = others.map((each) => ({ isLeader: false, core: each }));
  return { core, threads: [{ isLeader: true, core }, ...threads] } as unknown as ProcessRebuild;
};

test('such a leader ends with its code, all signals blocked, on valid registers', () => {
  const { exits, sigmask, regs } = endOfLeader(process(0x300, [golden]));
  assert.deepEqual([exits, sigmask], [3, FULL_SIGSET]);
  assert.equal(user_regs_struct.decode(regs).cs, golden.thread_info?.gpregs.cs);
});

test('a leader alone, or killed by a signal, does not end so', () => {
  assert.throws(() => endOfLeader(process(0x300, [])), { code: 'image', message: /no other/ });
  assert.throws(() => endOfLeader(process(9, [golden])), { code: 'image', message: /0x9 is not/ });
});

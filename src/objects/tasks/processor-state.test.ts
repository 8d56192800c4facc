import assert from 'node:assert/strict';
import { test } from 'node:test';
import { goldenCore, inspectState, stepsOf, subject } from '../../../test/support/task-states.js';
import { ARCH_GET_XCOMP_PERM } from '../../linux/uapi/prctl.js';
import { defined } from '../../support/assert.js';
import { u64Bytes } from '../../support/bytes.js';
import { componentPermissions, cpuidFault } from './processor-state.js';

const golden = goldenCore('tasks', 11073);
const thread_core = defined(golden.thread_core, 'thread');
const tc = defined(golden.tc, 'task');

test('a thread whose CPUID instruction faults gets the fault back', () => {
  const found = inspectState(cpuidFault, subject(), { answer: () => 0 });
  assert.deepEqual(found, { thread_core: { cpuid_fault: true } });
  const core = { ...golden, thread_core: { ...thread_core, ...found.thread_core } };
  assert.deepEqual(stepsOf(cpuidFault, { core }), ['threads:', 'arch_prctl(0x1012, NULL)']);
  assert.deepEqual(stepsOf(cpuidFault, { core: golden }), []);
});

test('registers that a process was permitted are asked for again', () => {
  const answer =
    (mask: bigint) =>
    (_: unknown, { code }: Record<string, unknown>) =>
      code === ARCH_GET_XCOMP_PERM ? ([0, u64Bytes(mask)] as [number, Uint8Array]) : -22;
  const asked = (mask: bigint) =>
    inspectState(componentPermissions, subject(), { answer: answer(mask) });
  assert.deepEqual(asked(0x2e7n), {});
  assert.deepEqual(inspectState(componentPermissions, subject(), { answer: () => -22 }), {});
  const found = asked(0x602e7n);
  assert.deepEqual(found, { tc: { xcomp_perm: 0x40000n } });
  const core = { ...golden, tc: { ...tc, ...found.tc } };
  assert.deepEqual(stepsOf(componentPermissions, { core }), [
    'task state:',
    'arch_prctl(0x1023, 0x12)',
  ]);
  assert.deepEqual(stepsOf(componentPermissions, { core: golden }), []);
});

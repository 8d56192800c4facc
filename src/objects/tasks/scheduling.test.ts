import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  type FakeKernel,
  fakePort,
  goldenCore,
  inspectState,
  rebuildState,
  stat,
  stepsOf,
  subject,
} from '../../../test/support/task-states.js';
import { sched_attr } from '../../linux/uapi/sched.js';
import { defined } from '../../support/assert.js';
import type { SchedAttr } from '../own-task.js';
import { cpuAffinity, ioPriority, schedulingPolicy, timerSlack } from './scheduling.js';

const golden = goldenCore('tasks', 11073);
const withThread = (changes: object) =>
  ({ ...golden, thread_core: { ...golden.thread_core, ...changes } }) as typeof golden;

const SLICE = 1_400_000n;

/** A kernel that says this of tid 412, and the usual of woodfrog itself. */
function portWith({
  attr = {},
  mask = [3],
  ioprio = 0,
  own = {},
  ownMask = [3],
}: {
  attr?: Partial<SchedAttr>;
  mask?: number[];
  ioprio?: number;
  own?: Partial<SchedAttr>;
  ownMask?: number[];
}) {
  const calls: FakeKernel['calls'] = {
    sched_getattr: (_, { pid, attr: place }) => {
      const value = sched_attr.encode({ sched_runtime: SLICE, ...(pid === 412 ? attr : own) });
      port.memory.places.get((place as { address: number }).address)?.set(value);
      return 0;
    },
    sched_getaffinity: (_, { pid, mask: place }) => {
      const bytes = pid === 412 ? mask : ownMask;
      port.memory.places.get((place as { address: number }).address)?.set(bytes);
      return 8;
    },
    ioprio_get: (_, { who }) => (who === 412 ? ioprio : 0),
  };
  const port = fakePort({ calls });
  return port;
}

const policyOf = (attr: Partial<SchedAttr>, nice = 0) =>
  inspectState(schedulingPolicy, subject({ stat: stat({ nice }) }), { port: portWith({ attr }) })
    .thread_core;

test('an ordinary thread is as in the golden image', () => {
  const { sched_nice, sched_policy } = golden.thread_core ?? {};
  assert.deepEqual(policyOf({}), { sched_nice, sched_policy });
});

test('policies, nice values, priorities and reset-on-fork are saved', () => {
  assert.deepEqual(policyOf({ sched_nice: -5 }, -5), { sched_nice: -5, sched_policy: 0 });
  assert.deepEqual(
    policyOf({ sched_policy: 1, sched_priority: 7, sched_flags: 1n, sched_runtime: 0n }),
    { sched_nice: 0, sched_policy: 0x4000_0001, sched_prio: 7 },
  );
  assert.deepEqual(policyOf({ sched_policy: 3, sched_runtime: 3_000_000n }), {
    sched_nice: 0,
    sched_policy: 3,
    sched_runtime: 3_000_000n,
  });
});

test('SCHED_DEADLINE, SCHED_EXT and utilization clamps are refused by name', () => {
  assert.throws(() => policyOf({ sched_policy: 6 }), /SCHED_DEADLINE is not supported/);
  assert.throws(() => policyOf({ sched_policy: 7 }), /SCHED_EXT is not supported/);
  assert.throws(() => policyOf({ sched_util_min: 512 }), /clamps 512 to 0/);
  assert.throws(() => policyOf({ sched_util_max: 100 }), /clamps 0 to 100/);
  assert.doesNotThrow(() => policyOf({ sched_util_max: 1024 }));
  assert.doesNotThrow(() =>
    policyOf({ sched_policy: 2, sched_util_min: 1024, sched_util_max: 1024 }),
  );
  const core = withThread({ sched_policy: 6 });
  assert.throws(() => stepsOf(schedulingPolicy, { core, port: portWith({}) }), /SCHED_DEADLINE/);
});

test("a policy is set where it is not woodfrog's own", () => {
  assert.deepEqual(stepsOf(schedulingPolicy, { core: golden, port: portWith({}) }), []);
  const core = withThread({ sched_policy: 0x4000_0001, sched_prio: 7 });
  const { task } = rebuildState(schedulingPolicy, { core, port: portWith({}) });
  const [step] = task.track.steps;
  const attr = sched_attr.decode((defined(step, 'a step').args as { attr: Uint8Array }).attr);
  assert.equal(step?.stage, 'credentials');
  assert.deepEqual(
    [attr.size, attr.sched_policy, attr.sched_flags, attr.sched_priority],
    [56, 1, 1n, 7],
  );
  const idle = withThread({ sched_policy: 5, sched_nice: 7 });
  assert.deepEqual(stepsOf(schedulingPolicy, { core: idle, port: portWith({}) }), [
    'credentials:',
    'sched_setattr(0, <56 bytes>, 0x0)',
    'setpriority(0, 0, 7)',
  ]);
  const niced = portWith({ own: { sched_nice: 10 } });
  assert.equal(stepsOf(schedulingPolicy, { core: golden, port: niced }).length, 2);
});

test('an affinity is saved when it leaves out a CPU', () => {
  const affinityOf = (mask: number[]) =>
    inspectState(cpuAffinity, subject(), { port: portWith({ mask }) });
  assert.deepEqual(affinityOf([3]), {});
  assert.deepEqual(affinityOf([2]), {
    thread_core: { cpu_affinity: new Uint8Array([2, 0, 0, 0, 0, 0, 0, 0]) },
  });
});

test('an affinity is set, or lifted, or refused when no CPU is there', () => {
  const mask = (...bytes: number[]) => withThread({ cpu_affinity: new Uint8Array(bytes) });
  assert.deepEqual(stepsOf(cpuAffinity, { core: golden, port: portWith({}) }), []);
  assert.deepEqual(stepsOf(cpuAffinity, { core: golden, port: portWith({ ownMask: [1] }) }), [
    'credentials:',
    'sched_setaffinity(0, 1024, <1024 bytes>)',
  ]);
  const core = mask(2, 0, 0, 0, 0, 0, 0, 0);
  assert.deepEqual(stepsOf(cpuAffinity, { core, port: portWith({}) }), [
    'credentials:',
    'sched_setaffinity(0, 8, <8 bytes>)',
  ]);
  const far = mask(0, 3, 0, 0, 0, 0, 0, 0);
  assert.throws(
    () => stepsOf(cpuAffinity, { core: far, port: portWith({}) }),
    /CPU 8, 9 only, none of which is online here/,
  );
});

test('a timer slack other than the default is saved', () => {
  const slackOf = (slack: number) => inspectState(timerSlack, subject(), { answer: () => slack });
  assert.deepEqual(slackOf(50_000), {});
  assert.deepEqual(slackOf(0), {});
  assert.deepEqual(slackOf(1), { thread_core: { timer_slack_ns: 1 } });
  assert.deepEqual(stepsOf(timerSlack, { core: golden }), []);
  assert.deepEqual(stepsOf(timerSlack, { core: withThread({ timer_slack_ns: 1 }) }), [
    'threads:',
    'prctl(PR_SET_TIMERSLACK, 0x1, 0x0, 0x0, 0x0)',
  ]);
});

test('an I/O priority is saved unless it follows from the nice value', () => {
  const ioprioOf = (ioprio: number, attr: Partial<SchedAttr> = {}) =>
    inspectState(ioPriority, subject(), { port: portWith({ ioprio, attr }) });
  assert.deepEqual(ioprioOf(0), {});
  assert.deepEqual(ioprioOf((2 << 13) + 4), {});
  assert.deepEqual(ioprioOf((2 << 13) + 4, { sched_nice: 19 }), {
    thread_core: { ioprio: (2 << 13) + 4 },
  });
  assert.deepEqual(ioprioOf((3 << 13) + 4, { sched_policy: 5 }), {});
  assert.deepEqual(stepsOf(ioPriority, { core: withThread({ ioprio: 3 << 13 }) }), [
    'credentials:',
    'ioprio_set(1, 0, 0x6000)',
  ]);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  fakePort,
  goldenCore,
  inspectState,
  ROOT_STATUS,
  rebuildState,
  stepsOf,
  subject,
} from '../../../test/support/task-states.js';
import { IMAGES } from '../../images/catalogue.js';
import { ImageSet } from '../../images/directory.js';
import { seccomp_mode } from '../../images/messages/core.js';
import { sock_fprog } from '../../linux/uapi/seccomp.js';
import { defined } from '../../support/assert.js';
import { forAllThreads, SeccompChains, seccomp, usesSeccomp } from './seccomp.js';

const ALLOW = Uint8Array.from([6, 0, 0, 0, 0, 0, 0xff, 0x7f]);
const NOTIFY = Uint8Array.from([6, 0, 0, 0, 0, 0, 0xc0, 0x7f]);
const LOADS = Uint8Array.from([0x20, 0, 0, 0, 0, 0, 0, 0, ...ALLOW]);
const oldest = { program: ALLOW, flags: 0 };
const youngest = { program: LOADS, flags: 2 };
const golden = goldenCore('loop', 11021);
const withThread = (changes: object) =>
  ({ ...golden, thread_core: { ...golden.thread_core, ...changes } }) as typeof golden;
const filtered = (id: number) =>
  withThread({ seccomp_mode: seccomp_mode.filter, seccomp_filter: id });

function imagesWith(chains: SeccompChains): ImageSet {
  const images = new ImageSet();
  images.put(IMAGES.SECCOMP, chains.entry());
  return images;
}

test('a thread names its oldest filter, each filter the one installed after it', () => {
  const chains = new SeccompChains();
  assert.equal(chains.idOf([oldest, youngest]), 1);
  assert.equal(chains.idOf([oldest]), 2);
  assert.equal(chains.idOf([oldest, youngest]), 1);
  // As CRIU 4.2 writes it.
  assert.deepEqual(chains.entry(), {
    seccomp_filters: [
      { filter: LOADS, flags: 2 },
      { filter: ALLOW, flags: 0, prev: 0 },
      { filter: ALLOW, flags: 0 },
    ],
  });
});

test('the mode is saved, a supervised thread refused', () => {
  const inspect = (seccompOf: Parameters<typeof subject>[0]) =>
    inspectState(seccomp, subject(seccompOf));
  assert.deepEqual(inspect({}), {});
  assert.deepEqual(inspect({ seccomp: { strict: true, filters: [] } }), {
    thread_core: { seccomp_mode: 1 },
  });
  assert.deepEqual(inspect({ seccomp: { strict: false, filters: [oldest] } }), {
    thread_core: { seccomp_mode: 2 },
  });
  const supervised = [{ program: NOTIFY, flags: 0 }];
  assert.throws(
    () => inspect({ seccomp: { strict: false, filters: supervised } }),
    /asks a supervisor/,
  );
});

test('filters are installed oldest first, before the credentials', () => {
  const chains = new SeccompChains();
  const id = chains.idOf([oldest, youngest]);
  const images = imagesWith(chains);
  const { plan, task } = rebuildState(seccomp, { core: filtered(id), images });
  const lengths = task.track.steps.map((step) => {
    const { args, flags } = step.args as { args: Uint8Array; flags: number };
    const { len, filter } = sock_fprog.decode(args);
    const at = filter - plan.memory.base;
    assert.deepEqual(plan.memory.bytes.slice(at, at + 8 * len), len === 1 ? ALLOW : LOADS);
    return [step.stage, len, flags, step.mustEqual];
  });
  assert.deepEqual(lengths, [
    ['credentials', 1, 4, 0],
    ['credentials', 2, 6, 0],
  ]);
});

test('a thread without filters of its own has those that the leader has for all', () => {
  const restored = (flags: typeof forAllThreads) => {
    const chains = new SeccompChains();
    const leader = filtered(chains.idOf([flags(oldest), youngest]));
    const { context, thread } = rebuildState(seccomp, { core: leader, images: imagesWith(chains) });
    const { process, track } = thread;
    const other = { ...thread, vtid: 413, isLeader: false, core: golden };
    process.threads.push(other);
    track.steps.length = 0;
    for (const one of process.threads) seccomp.rebuild?.(one, context);
    return track.steps.map((step) => [step.stage, (step.args as { flags: number }).flags]);
  };
  // The first is everybody's (TSYNC); the second, without the flag, is the leader's alone.
  assert.deepEqual(restored(forAllThreads), [
    ['pending signals', 5],
    ['credentials', 6],
  ]);
  assert.deepEqual(
    restored((filter) => filter),
    [
      ['credentials', 4],
      ['credentials', 6],
    ],
  );
});

test('strict mode, also where older images have it, and none', () => {
  const strict = ['credentials:', 'seccomp(SECCOMP_SET_MODE_STRICT, 0x0, NULL)'];
  assert.deepEqual(stepsOf(seccomp, { core: withThread({ seccomp_mode: 1 }) }), strict);
  const tc = { ...defined(golden.tc, 'a leader'), old_seccomp_mode: 1 };
  assert.deepEqual(stepsOf(seccomp, { core: { ...golden, tc } }), strict);
  assert.deepEqual(stepsOf(seccomp, { core: golden }), []);
  const images = new ImageSet();
  images.put(IMAGES.CORE, 5, golden);
  assert.equal(usesSeccomp(images), false);
  images.put(IMAGES.CORE, 6, withThread({ seccomp_mode: 1 }));
  assert.equal(usesSeccomp(images), true);
});

test('filters that are not there, or are no programs, and a woodfrog with filters', () => {
  const images = new ImageSet();
  const seccomp_filters = [
    { filter: ALLOW, prev: 1 },
    { filter: ALLOW, prev: 0 },
    { filter: ALLOW.subarray(1) },
  ];
  images.put(IMAGES.SECCOMP, { seccomp_filters });
  const restoring = (core: typeof golden) => () => stepsOf(seccomp, { core, images });
  assert.throws(restoring(filtered(9)), /there is no seccomp filter 9/);
  assert.throws(restoring(filtered(0)), /part of a circle/);
  assert.throws(restoring(filtered(2)), /has 7 bytes/);
  assert.throws(restoring(withThread({ seccomp_mode: 2 })), /the image says not which/);
  const confined = ROOT_STATUS.replace('Seccomp:\t0', 'Seccomp:\t2');
  const port = fakePort({ files: { '/proc/thread-self/status': confined } });
  assert.throws(() => stepsOf(seccomp, { core: golden, port }), /woodfrog itself is confined/);
});

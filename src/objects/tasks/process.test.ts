import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  fakePort,
  goldenCore,
  goldenMm,
  inspectState,
  limitsText,
  ROOT_STATUS,
  rebuildState,
  stat,
  stepsOf,
  subject,
  UNLIMITED,
} from '../../../test/support/task-states.js';
import { siginfo_sigchld } from '../../linux/signal.js';
import { prctl_mm_map } from '../../linux/uapi/mman.js';
import { defined } from '../../support/assert.js';
import { pid, vpid } from '../../support/brand.js';
import { concat, u64Bytes, viewOf } from '../../support/bytes.js';
import type { HostStepPort } from '../rebuild-context.js';
import { futexHash } from './futex-hash.js';
import { denyWriteExecute, hugePages, memoryMerge } from './mm-flags.js';
import { mmLayout } from './mm-layout.js';
import { names } from './names.js';
import { personality } from './personality.js';
import { autogroup, coreDumpFilter, loginUser, oomScoreAdjust } from './proc-settings.js';
import { process, stopsSeen } from './process.js';
import {
  childSubreaper,
  ioFlusher,
  membarriers,
  memoryErrorPolicy,
  speculation,
  timeStampCounter,
} from './process-flags.js';
import { resourceLimits } from './resource-limits.js';

const golden = goldenCore('tasks', 11073);
const tc = defined(golden.tc, 'the golden core is a leader');
const mm = goldenMm('tasks', 11073);
const int = (value: number): Uint8Array => {
  const bytes = new Uint8Array(4);
  viewOf(bytes).setInt32(0, value, true);
  return bytes;
};
const withTc = (changes: Partial<typeof tc>) => ({ ...golden, tc: { ...tc, ...changes } });
const withThread = (changes: object) =>
  ({ ...golden, thread_core: { ...golden.thread_core, ...changes } }) as typeof golden;

test('memory layout and auxiliary vector are those of the golden image', () => {
  const who = subject(
    {},
    {
      stat: stat({
        start_code: mm.mm_start_code,
        end_code: mm.mm_end_code,
        start_data: mm.mm_start_data,
        end_data: mm.mm_end_data,
        start_stack: mm.mm_start_stack,
        start_brk: mm.mm_start_brk,
        arg_start: mm.mm_arg_start,
        arg_end: mm.mm_arg_end,
        env_start: mm.mm_env_start,
        env_end: mm.mm_env_end,
      }),
    },
  );
  const auxv = concat([...mm.mm_saved_auxv, 0n, 0n, 0n, 0n].map(u64Bytes));
  const patch = inspectState(mmLayout, who, {
    port: fakePort({ files: { '/proc/412/auxv': auxv } }),
    answer: () => mm.mm_brk,
  });
  for (const [field, value] of Object.entries(patch.mm ?? {})) {
    assert.deepEqual(value, mm[field as keyof typeof mm], field);
  }
  assert.equal(Object.keys(patch.mm ?? {}).length, 12);
});

test('the layout is set as a whole, with the executable', () => {
  const { plan, task } = rebuildState(mmLayout, { core: golden, mm, useFile: (id) => 900 + id });
  const [set, ask] = task.track.steps;
  assert.equal(set?.stage, 'task state');
  const map = prctl_mm_map.decode((defined(set, 'a step').args as { arg3: Uint8Array }).arg3);
  assert.equal(map.exe_fd, 901);
  assert.equal(map.auxv_size, 8 * mm.mm_saved_auxv.length);
  const stored = plan.memory.bytes.subarray(map.auxv - plan.memory.base);
  assert.deepEqual(stored.subarray(0, map.auxv_size), concat(mm.mm_saved_auxv.map(u64Bytes)));
  assert.equal(ask?.mustEqual, mm.mm_brk);
});

test('names of leader and thread', () => {
  const leader = subject({ stat: stat({ comm: 'tasks' }) });
  assert.deepEqual(inspectState(names, leader), {
    tc: { comm: 'tasks' },
    thread_core: { comm: 'tasks' },
  });
  const thread = subject({ tid: pid(413), stat: stat({ comm: 'worker-a' }) });
  assert.deepEqual(inspectState(names, thread), { thread_core: { comm: 'worker-a' } });
  const { task } = rebuildState(names, { core: withThread({ comm: 'a\udcffb' }) });
  const { arg2 } = defined(task.track.steps[0], 'a step').args as { arg2: Uint8Array };
  assert.deepEqual([...arg2], [97, 255, 98, 0]);
});

test('process state', () => {
  const { tc: patch } = inspectState(process, subject({ stat: stat({ flags: tc.flags }) }));
  assert.deepEqual(patch, { task_state: tc.task_state, exit_code: 0, flags: tc.flags });
  assert.deepEqual(stepsOf(process, { core: golden }), []);
});

test('a stopped process is stopped again by the same signal', () => {
  const { tc: patch } = inspectState(process, subject({}, { stopSignal: 20 }));
  assert.equal(patch?.task_state, 3);
  assert.equal(patch?.stop_signo, 20);
  const stopped = (changes: Partial<typeof tc>) =>
    rebuildState(process, { core: withTc(changes) }).task;
  assert.equal(stopped({ task_state: 3, stop_signo: 20 }).stopSignal, 20);
  // Images of other versions do not say by which signal.
  assert.equal(stopped({ task_state: 6 }).stopSignal, 19);
  assert.deepEqual(stepsOf(process, { core: withTc({ task_state: 3, stop_signo: 20 }) }), [
    'task state:',
    'rt_sigaction(20, <32 bytes>, NULL, 8)',
    'rt_sigprocmask(1, <8 bytes>, NULL, 8)',
    'tgkill(412, 412, 20)',
    'rt_sigprocmask(0, <8 bytes>, NULL, 8)',
  ]);
  assert.throws(
    () => stopped({ task_state: 3, stop_signo: 15 }),
    /SIGTERM is said to have stopped it/,
  );
});

test('whether a parent has waited for the stops of its children', () => {
  const who = subject({}, { stoppedChildren: [vpid(5), vpid(6)] });
  const info = siginfo_sigchld.encode({ si_pid: 5 });
  const answer = (_: unknown, { upid }: Record<string, unknown>): number | [number, Uint8Array] =>
    upid === 5 ? [0, info] : 0;
  assert.deepEqual(inspectState(stopsSeen, who, { answer }), { tc: { stops_seen: [6] } });
  assert.deepEqual(inspectState(stopsSeen, subject()), { tc: { stops_seen: [] } });
  assert.deepEqual(stepsOf(stopsSeen, { core: withTc({ stops_seen: [6] }) }), [
    'threads:',
    'waitid(1, 6, NULL, WNOHANG|WUNTRACED|__WALL, NULL)',
  ]);
});

test('personality, of each thread its own', () => {
  const ADDR_NO_RANDOMIZE = 0x40000;
  const asked = (tid: number, result: number) =>
    inspectState(personality, subject({ tid: pid(tid) }), { answer: () => result });
  const own = { thread_core: { personality: ADDR_NO_RANDOMIZE } };
  assert.deepEqual(asked(412, 0), { tc: { personality: 0 } });
  assert.deepEqual(asked(412, ADDR_NO_RANDOMIZE), {
    tc: { personality: ADDR_NO_RANDOMIZE },
    ...own,
  });
  assert.deepEqual(asked(413, 0), {});
  assert.deepEqual(asked(413, ADDR_NO_RANDOMIZE), own);
});

test('a thread differs from its leader only where its image says so', () => {
  const steps = (leader: typeof golden, thread: typeof golden) =>
    stepsOf(personality, { core: leader, thread, vtid: 413 });
  const theirs = withTc({ personality: 8 });
  const ours = { ...withThread({ personality: 8 }), tc: { ...tc, personality: 8 } };
  assert.deepEqual(stepsOf(personality, { core: ours }), ['task state:', 'personality(0x8)']);
  assert.deepEqual(steps(theirs, golden), []);
  assert.deepEqual(steps(ours, golden), ['threads:', 'personality(0x0)']);
  assert.deepEqual(steps(ours, withThread({ personality: 8 })), []);
  assert.deepEqual(steps(golden, withThread({ personality: 8 })), ['threads:', 'personality(0x8)']);
});

test('resource limits: those that differ are set', () => {
  const port = fakePort({
    files: { '/proc/412/limits': limitsText({ 'Max open files': ['100', '200'] }) },
  });
  const patch = inspectState(resourceLimits, subject(), { port });
  const limits = patch.tc?.rlimits?.rlimits ?? [];
  assert.equal(limits.length, 16);
  assert.deepEqual(limits[7], { cur: 100n, max: 200n });
  assert.deepEqual(limits[0], { cur: UNLIMITED, max: UNLIMITED });
  assert.deepEqual(stepsOf(resourceLimits, { core: withTc(patch.tc ?? {}), port }), [
    'credentials:',
    'prlimit64(0, 7, {"rlim_cur":"0x64","rlim_max":"0xc8"}, NULL)',
  ]);
});

test('a hard limit above our own is refused by name, and nr_open with it', () => {
  const own = limitsText({ 'Max open files': ['100', '200'], 'Max processes': ['5', '5'] });
  const port = fakePort({ files: { '/proc/self/limits': own } });
  const core = withTc({
    rlimits: { rlimits: Array.from({ length: 16 }, () => ({ cur: 5n, max: UNLIMITED })) },
  });
  assert.throws(
    () => stepsOf(resourceLimits, { core, port }),
    /hard limit RLIMIT_NPROC is unlimited, woodfrog's own is 5/,
  );
  const capable = fakePort({
    files: {
      '/proc/self/limits': own,
      '/proc/sys/fs/nr_open': '1048576\n',
      '/proc/thread-self/status': ROOT_STATUS.replaceAll('000001fffeffffff', '000001ffffffffff'),
    },
  });
  assert.throws(
    () => stepsOf(resourceLimits, { core, port: capable }),
    /RLIMIT_NOFILE is unlimited, above fs.nr_open, 1048576/,
  );
});

test('choices of the address space', () => {
  const asked = (state: typeof hugePages, result: number) =>
    inspectState(state, subject(), { answer: () => result }).mm;
  assert.deepEqual(asked(hugePages, 0), { thp_disabled: mm.thp_disabled });
  assert.deepEqual(asked(hugePages, 3), { thp_disabled: true, thp_disable_flags: 2 });
  assert.deepEqual(asked(denyWriteExecute, 1), { mdwe: 1 });
  assert.equal(asked(denyWriteExecute, -22), undefined);
  assert.throws(() => asked(denyWriteExecute, -1), /PR_GET_MDWE.*: EPERM/);
  assert.deepEqual(asked(memoryMerge, 1), { memory_merge: true });
  const set = (state: typeof hugePages, fields: object) =>
    stepsOf(state, { core: golden, mm: fields })[1];
  assert.equal(set(hugePages, {}), 'prctl(PR_SET_THP_DISABLE, NULL, 0x0, 0x0, 0x0)');
  assert.equal(
    set(hugePages, { thp_disabled: true, thp_disable_flags: 2 }),
    'prctl(PR_SET_THP_DISABLE, 0x1, 0x2, 0x0, 0x0)',
  );
  assert.equal(set(denyWriteExecute, { mdwe: 1 }), 'prctl(PR_SET_MDWE, 0x1, 0x0, 0x0, 0x0)');
  assert.equal(
    set(memoryMerge, { memory_merge: true }),
    'prctl(PR_SET_MEMORY_MERGE, 0x1, 0x0, 0x0, 0x0)',
  );
});

test('settings in /proc that differ are written by woodfrog', () => {
  const port = fakePort({
    files: {
      '/proc/412/oom_score_adj': '-500\n',
      '/proc/412/coredump_filter': '00000033\n',
      '/proc/self/coredump_filter': '0000007f\n',
    },
  });
  assert.deepEqual(inspectState(oomScoreAdjust, subject(), { port }), {
    tc: { oom_score_adj: -500 },
  });
  assert.deepEqual(inspectState(coreDumpFilter, subject(), { port }), {});
  const core = withTc({ oom_score_adj: -500 });
  const { plan } = rebuildState(oomScoreAdjust, { core, port });
  const written: unknown[] = [];
  plan.hostSteps[0]?.run({
    pidOf: (vpid: number) => vpid + 1000,
    call: (call: { name: string }, args: { pathname?: string; buf?: Uint8Array }) => {
      written.push(call.name, args.pathname ?? (args.buf && Buffer.from(args.buf).toString()));
      return 5;
    },
  } as unknown as HostStepPort);
  assert.deepEqual(written.slice(0, 4), ['openat', '/proc/1412/oom_score_adj', 'write', '-500']);
  assert.deepEqual(stepsOf(coreDumpFilter, { core: golden, port }), [
    'credentials:',
    '[woodfrog] write 0x33 to /proc/412/coredump_filter',
  ]);
  assert.deepEqual(stepsOf(oomScoreAdjust, { core: golden }), []);
});

test('the login user is written by the task itself', () => {
  assert.deepEqual(inspectState(loginUser, subject()), { tc: { loginuid: tc.loginuid } });
  assert.deepEqual(stepsOf(loginUser, { core: golden }), []);
  const steps = stepsOf(loginUser, { core: withTc({ loginuid: 1000 }) });
  assert.match(steps[1] ?? '', /^openat\(AT_FDCWD, "\/proc\/self\/loginuid", O_WRONLY/);
  assert.match(steps[2] ?? '', /^write\(.*, <4 bytes>, 4\) = must be 4/);
});

test('an autogroup with a nice value of its own is refused', () => {
  const port = (text: string) => fakePort({ files: { '/proc/412/autogroup': text } });
  assert.deepEqual(inspectState(autogroup, subject(), { port: port('/autogroup-9 nice 0\n') }), {});
  assert.deepEqual(inspectState(autogroup, subject()), {});
  assert.throws(
    () => inspectState(autogroup, subject(), { port: port('/autogroup-9 nice -5\n') }),
    /autogroup is -5/,
  );
});

test('choices made by prctl and membarrier return', () => {
  const asked = (state: typeof childSubreaper, answer: number | [number, Uint8Array]) =>
    inspectState(state, subject(), { answer: () => answer });
  assert.deepEqual(asked(childSubreaper, [0, int(1)]), { tc: { child_subreaper: true } });
  assert.deepEqual(asked(childSubreaper, [0, int(0)]), { tc: { child_subreaper: false } });
  assert.deepEqual(asked(membarriers, 0x50), { tc: { membarrier_registration_mask: 0x50 } });
  assert.deepEqual(asked(membarriers, 0), {});
  assert.deepEqual(asked(membarriers, -22), {});
  assert.deepEqual(asked(memoryErrorPolicy, 1), { thread_core: { mce_kill: 1 } });
  assert.deepEqual(asked(memoryErrorPolicy, 2), {});
  assert.deepEqual(asked(timeStampCounter, [0, int(2)]), { thread_core: { tsc_sigsegv: true } });
  assert.deepEqual(asked(timeStampCounter, [0, int(1)]), {});
  const flusher = subject({ stat: stat({ flags: 0x58_0000 }) });
  assert.deepEqual(inspectState(ioFlusher, flusher), { thread_core: { io_flusher: true } });
  assert.deepEqual(stepsOf(childSubreaper, { core: golden }), [
    'threads:',
    'prctl(PR_SET_CHILD_SUBREAPER, 0x1, 0x0, 0x0, 0x0)',
  ]);
  const core = withTc({ membarrier_registration_mask: 0x50 });
  assert.deepEqual(stepsOf(membarriers, { core }), [
    'task state:',
    'membarrier(0x10, 0x0, 0)',
    'membarrier(0x40, 0x0, 0)',
  ]);
});

test('speculation control is saved where it is a choice that was made', () => {
  const asked = (...values: number[]) =>
    inspectState(speculation, subject(), {
      answer: (_, { arg2 }) => values[arg2 as number] ?? 0,
    }).thread_core;
  assert.deepEqual(asked(2, 2, 8), {});
  assert.deepEqual(asked(3, 3, 5), {});
  assert.deepEqual(asked(-19, -22, -22), {});
  assert.deepEqual(asked(5, 9, 3), {
    spec_store_bypass: 4,
    spec_indirect_branch: 8,
    spec_l1d_flush: 2,
  });
  assert.deepEqual(stepsOf(speculation, { core: withThread({ spec_store_bypass: 4 }) }), [
    'threads:',
    'prctl(PR_SET_SPECULATION_CTRL, NULL, 0x4, 0x0, 0x0)',
  ]);
});

test('a futex hash is saved if the kernel would not make it so by itself', () => {
  const saved = (slots: number, threadCount: number) => {
    const who = subject();
    const threads = Array.from({ length: threadCount }, () => who.thread);
    const process = { ...who.process, threads };
    return inspectState(futexHash, { ...who, process }, { answer: () => slots }).mm;
  };
  assert.equal(saved(0, 1), undefined);
  assert.equal(saved(16, 3), undefined);
  assert.equal(saved(-22, 3), undefined);
  assert.deepEqual(saved(64, 3), { futex_hash_slots: 64 });
  assert.deepEqual(saved(16, 1), { futex_hash_slots: 16 });
  assert.deepEqual(saved(0, 3), { futex_hash_slots: 0 });
  const steps = stepsOf(futexHash, { core: golden, mm: { futex_hash_slots: 64 } });
  assert.equal(steps[1], 'prctl(PR_FUTEX_HASH, 0x1, 0x40, 0x0, 0x0)');
});

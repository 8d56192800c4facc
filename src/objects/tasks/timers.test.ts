import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  fakePort,
  goldenCore,
  inspectState,
  rebuildState,
  stepsOf,
  subject,
} from '../../../test/support/task-states.js';
import { IMAGES } from '../../images/catalogue.js';
import { ImageSet } from '../../images/directory.js';
import {
  SI_KERNEL,
  SI_TIMER,
  SIGALRM,
  SIGUSR1,
  sigevent,
  siginfo,
  siginfo_timer,
} from '../../linux/signal.js';
import type { Syscall } from '../../linux/syscall.js';
import { itimerspec, itimerval, timespec } from '../../linux/uapi/sched.js';
import { defined } from '../../support/assert.js';
import { pid, vpid } from '../../support/brand.js';
import { inspectPosixTimer, type MadeTimer, type Maker } from './posix-timers.js';
import { timers } from './timers.js';

const golden = goldenCore('tasks', 11073);
const loop = goldenCore('loop', 11021);
const tc = defined(golden.tc, 'the golden core is a leader');
const saved = defined(tc.timers, 'the golden core has timers');
const [posix] = saved.posix;
assert.ok(posix);

const portWith = (text: string) => fakePort({ files: { '/proc/412/timers': text } });
const TIMER = 'ID: 0\nsignal: 10/000000000000002a\nnotify: signal/pid.412\nClockID: 1\n';
const spec = (interval: [number, number], left: [number, number]) =>
  itimerspec.encode({
    it_interval: { tv_sec: interval[0], tv_nsec: interval[1] },
    it_value: { tv_sec: left[0], tv_nsec: left[1] },
  });
const asIn =
  (real: Partial<Parameters<typeof itimerval.encode>[0]>, left: Uint8Array, overrun = 0) =>
  (call: Syscall, { which }: Record<string, unknown>): number | [number, Uint8Array] => {
    if (call.name === 'getitimer') return which === 0 ? [0, itimerval.encode(real)] : 0;
    return call.name === 'timer_gettime' ? [0, left] : overrun;
  };
const GOLDEN_ANSWERS = asIn(
  { interval_sec: 100, value_sec: 98, value_usec: 914293 },
  spec([50, 0], [3598, 914278001]),
);

test('timers are those of the golden images', () => {
  const patch = inspectState(timers, subject(), { port: portWith(TIMER), answer: GOLDEN_ANSWERS });
  assert.deepEqual(patch.tc?.timers, saved);
  const none = inspectState(timers, subject(), { port: portWith('') });
  assert.deepEqual(none.tc?.timers, loop.tc?.timers);
  assert.deepEqual(stepsOf(timers, { core: loop }), []);
});

test('timers are made with their ids once all threads are there, and armed last of all', () => {
  const port = fakePort({ calls: { prctl: () => 0 } });
  assert.deepEqual(stepsOf(timers, { core: golden, port }), [
    'pending signals:',
    'prctl(PR_TIMER_CREATE_RESTORE_IDS, 0x1, 0x0, 0x0, 0x0)',
    'timer_create(1, <64 bytes>, 0x20000)',
    'prctl(PR_TIMER_CREATE_RESTORE_IDS, NULL, 0x0, 0x0, 0x0)',
    'commit:',
    'timer_settime(0, 0x0, <32 bytes>, NULL)',
    'setitimer(0, <32 bytes>, NULL)',
  ]);
  const { task } = rebuildState(timers, { core: golden, port });
  const args = (name: string) =>
    defined(
      task.track.steps.find(({ call }) => call.name === name),
      name,
    ).args as Record<string, Uint8Array>;
  const event = sigevent.decode(defined(args('timer_create').sevp, 'an event'));
  assert.equal(event.sigev_signo, SIGUSR1);
  assert.equal(event.sigev_value, 42n);
  assert.deepEqual(args('timer_settime').new_value, spec([50, 0], [3598, 914278001]));
  assert.deepEqual(
    itimerval.decode(defined(args('setitimer').new_value, 'a value')),
    itimerval.decode(itimerval.encode({ interval_sec: 100, value_sec: 98, value_usec: 914293 })),
  );
});

const withPosix = (changes: Partial<typeof posix>[]) => ({
  ...golden,
  tc: {
    ...tc,
    signals_s: { signals: [] },
    timers: {
      ...defined(loop.tc?.timers, 'timers'),
      posix: changes.map((c) => ({ ...posix, ...c })),
    },
  },
});
const OLD = fakePort({ calls: { prctl: () => -22 } });

test('where ids cannot be chosen, the timers in between are made and deleted', () => {
  const steps = stepsOf(timers, { core: withPosix([{ it_id: 3 }, { it_id: 1 }]), port: OLD });
  assert.deepEqual(
    steps.filter((step) => /timer_(create|delete)/.test(step)),
    [
      'timer_create(1, <64 bytes>, 0x20000<4>)',
      'timer_delete(0)',
      'timer_create(1, <64 bytes>, 0x20000<4>)',
      'timer_create(1, <64 bytes>, 0x20000<4>)',
      'timer_delete(2)',
      'timer_create(1, <64 bytes>, 0x20000<4>)',
    ].map((step) => step.replace('<4>', '')),
  );
  assert.throws(
    () => stepsOf(timers, { core: withPosix([{ it_id: 2_000_000 }]), port: OLD }),
    /POSIX timer 2000000 has an id too high/,
  );
});

test('overruns come of running off in the past, and of taking that signal', () => {
  const images = new ImageSet();
  const monotonic = { tv_sec: 10_000, tv_nsec: 0 };
  images.put(IMAGES.TIMENS, 0, { monotonic, boottime: monotonic });
  const armed = (changes: Partial<typeof posix>[]) => {
    const { task } = rebuildState(timers, { core: withPosix(changes), images });
    return task.track.steps.filter(({ stage }) => stage === 'commit');
  };
  const [set, wait] = armed([{ overrun: 3, isec: 50, vsec: 20, vnsec: 5 }]);
  const { flags, new_value } = defined(set, 'a step').args as Record<string, unknown>;
  assert.equal(flags, 1);
  // 20 s are left of a period that had 50: the last but three ran off at 10,000 + 20 - 4 * 50.
  assert.deepEqual(new_value, spec([50, 0], [9820, 5]));
  assert.equal(wait?.call.name, 'rt_sigtimedwait');
  assert.equal(wait?.mustEqual, SIGUSR1);
  const same = { overrun: 3, isec: 50, vsec: 20 };
  for (const others of [[same, { it_id: 1 }], [{ ...same, overrun: 9999 }]]) {
    assert.ok(armed(others).every(({ call }) => call.name === 'timer_settime'));
  }
});

test('a timer whose signal came while it was asked has run off', () => {
  const late = siginfo_timer.encode({ si_signo: 10, si_code: SI_TIMER, si_tid: 0 });
  const left = (interval: [number, number], value: [number, number]) => {
    const who = subject({}, { lateSignals: [late] });
    const answer = asIn({}, spec(interval, value));
    const patch = inspectState(timers, who, { port: portWith(TIMER), answer });
    const [entry] = patch.tc?.timers?.posix ?? [];
    return [entry?.vsec, entry?.vnsec];
  };
  assert.deepEqual(left([0, 0], [0, 7]), [0, 0]);
  assert.deepEqual(left([3, 0], [0, 7]), [3, 7]);
  assert.deepEqual(left([3, 0], [2, 7]), [2, 7]);
  const alarm = siginfo.encode({ si_signo: SIGALRM, si_code: SI_KERNEL });
  const answer = asIn({ interval_sec: 1, value_usec: 7 }, spec([0, 0], [0, 0]));
  const who = subject({}, { lateSignals: [alarm] });
  const patch = inspectState(timers, who, { port: portWith(''), answer });
  assert.deepEqual(patch.tc?.timers?.real, { isec: 1, iusec: 0, vsec: 0, vusec: 0 });
});

test('targets and clocks are checked on both ways', () => {
  const ofThread = (tid: number) => TIMER.replace('signal/pid.412', `signal/tid.${tid}`);
  const { thread } = subject();
  const second = { ...thread, tid: pid(500), vtid: vpid(7) };
  const who = subject({}, { threads: [thread, second] });
  const inspect = (text: string) =>
    inspectState(timers, who, { port: portWith(text), answer: GOLDEN_ANSWERS });
  assert.equal(inspect(ofThread(500)).tc?.timers?.posix[0]?.notify_thread_id, 7);
  assert.throws(() => inspect(ofThread(501)), /notifies thread 501, which has ended/);
  const clock = (id: number) => TIMER.replace('ClockID: 1', `ClockID: ${id}`);
  const perThread = (tid: number) => (~tid << 3) | 6;
  const perProcess = (id: number) => (~id << 3) | 2;
  for (const id of [perThread(7), perThread(412), perProcess(0), perProcess(412)]) {
    assert.equal(inspect(clock(id)).tc?.timers?.posix[0]?.clock_id, id >>> 0);
  }
  assert.throws(() => inspect(clock(perThread(9))), /CPU time of thread 9, which is not of this/);
  assert.throws(() => inspect(clock(perProcess(9))), /CPU time of process 9/);
  assert.throws(() => inspect(clock((~9 << 3) | 3)), /is a device/);
  const stray = { it_sigev_notify: 4, notify_thread_id: 99 };
  assert.throws(() => stepsOf(timers, { core: withPosix([stray]) }), /notifies 99, no thread/);
  assert.throws(() => stepsOf(timers, { core: withPosix([{}, {}]) }), /two POSIX timers/);
});

const OF_MAKER = -2;

test('a timer of the CPU time of another thread than the main one is made by that thread', () => {
  const asked: MadeTimer = {
    ...{ id: 3, signo: 10, value: 0n, notify: 0, target: 412, clockid: OF_MAKER },
  };
  const { thread, process } = subject();
  const second = { ...thread, tid: pid(500), vtid: vpid(7) };
  const inspect = (maker: Maker) =>
    inspectPosixTimer(
      {
        ...{ timer: { ...asked, maker }, overrun: 0 },
        it_interval: { tv_sec: 0, tv_nsec: 0 },
        it_value: { tv_sec: 0, tv_nsec: 0 },
      },
      { ...process, threads: [thread, second] },
    );
  assert.equal(inspect(7).cpu_thread_id, 7);
  assert.equal(inspect(412).cpu_thread_id, undefined);
  assert.throws(() => inspect('ended'), /CPU time of a thread that has ended/);
  assert.throws(() => inspect('unknown'), /of one of the threads/);
  const timer = { it_id: 3, clock_id: OF_MAKER >>> 0, cpu_thread_id: 7, notify_thread_id: 7 };
  const port = fakePort({ calls: { prctl: () => 0 } });
  const steps = (kernel: typeof port) =>
    stepsOf(timers, { core: withPosix([timer]), port: kernel, others: [7] });
  assert.deepEqual(
    steps(port).filter((step) => !/settime/.test(step)),
    [
      'threads:',
      'prctl(PR_TIMER_CREATE_RESTORE_IDS, 0x1, 0x0, 0x0, 0x0)',
      'pending signals:',
      'timer_create(-2, <64 bytes>, 0x20000)',
      'credentials:',
      'prctl(PR_TIMER_CREATE_RESTORE_IDS, NULL, 0x0, 0x0, 0x0)',
      'commit:',
    ],
  );
  const counted = steps(OLD).filter((step) => /timer_create/.test(step));
  assert.match(defined(counted.at(-1), 'a timer'), /timer_create\(-58, /);
  const stray = withPosix([{ ...timer, cpu_thread_id: 8 }]);
  assert.throws(() => stepsOf(timers, { core: stray }), /measures 8, no thread of the process/);
});

test('a timer of the real-time clock is absolute if it is queued there', () => {
  const list = (real: string, monotonic = '') =>
    `  .index:      0\n  .offset:     0 nsecs\n${monotonic}` +
    `  .index:      1\n  .offset:     1000000000000 nsecs\n${real}`;
  const queued = (ns: string) =>
    ` #0: <0000000000000000>, posix_timer_fn, S:01\n # expires at ${ns}-${ns} nsecs [in 1 to 1 nsecs]\n`;
  let reads = 0;
  const expiresWith = (text: string | undefined) => {
    const files = { '/proc/412/timers': TIMER.replace('ClockID: 1', 'ClockID: 0') };
    const port = fakePort({ files: text ? { ...files, '/proc/timer_list': text } : files });
    const answers = asIn({}, spec([0, 0], [50, 0]));
    const patch = inspectState(timers, subject(), {
      port,
      // It is 2,000 s, and each look takes 300 ns.
      answer: (call, args) =>
        call.name === 'clock_gettime'
          ? [0, timespec.encode({ tv_sec: 2000, tv_nsec: 300 * (reads++ % 2) })]
          : answers(call, args),
    });
    const [entry] = patch.tc?.timers?.posix ?? [];
    return entry && [entry.vsec, entry.expires_sec, entry.expires_nsec];
  };
  assert.deepEqual(expiresWith(list(queued('2050000000200'))), [50, 2050, 200]);
  assert.deepEqual(expiresWith(list(queued('2050000000301'))), [50, undefined, undefined]);
  const both = list(queued('2050000000200'), queued('1050000000100'));
  assert.deepEqual(expiresWith(both), [50, undefined, undefined]);
  assert.deepEqual(expiresWith(undefined), [50, undefined, undefined]);
  const absolute = { clock_id: 0, isec: 7, insec: 0, expires_sec: 2050, expires_nsec: 200 };
  const { task } = rebuildState(timers, { core: withPosix([absolute]) });
  const set = task.track.steps.find(({ call }) => call.name === 'timer_settime');
  const { flags, new_value } = defined(set, 'a step').args as Record<string, unknown>;
  assert.equal(flags, 1);
  assert.deepEqual(new_value, spec([7, 0], [2050, 200]));
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { descriptionOf, entryOf, stepsOf } from '../../../test/support/file-kind.js';
import { fixtureImages } from '../../../test/support/golden-images.js';
import { IMAGES } from '../../images/catalogue.js';
import { ImageSet } from '../../images/directory.js';
import { timespec } from '../../linux/uapi/sched.js';
import { noOwner } from './registry.js';
import { timerfd } from './timerfd.js';

interface Shown {
  clockid?: number;
  ticks?: number;
  flags?: string;
  value?: string;
  interval?: string;
}

/** As fdinfo shows it; `now` for absolute timers. */
function inspected(
  { clockid = 1, ticks = 0, flags = '00', value = '0, 0', interval = '0, 0' }: Shown,
  now?: { tv_sec: number; tv_nsec: number },
): unknown {
  const lines = `clockid: ${clockid}\nticks: ${ticks}\nsettime flags: ${flags}\nit_value: (${value})\nit_interval: (${interval})\n`;
  const description = descriptionOf('anon_inode:[timerfd]', { lines });
  return entryOf(timerfd, { description, seen: { fdinfo: description.fdinfo, now } });
}

const common = { id: 7, flags: 2, fown: noOwner(), clockid: 1, ticks: 0n, settime_flags: 0 };
const idle = { ...common, vsec: 0, vnsec: 0, isec: 0, insec: 0 };

test('a running timer gets the entry that CRIU gave it, field by field', () => {
  const saved = fixtureImages('files')
    .many(IMAGES.FILES)
    .find(({ tfd }) => tfd)?.tfd;
  assert.deepEqual(
    { ...(inspected({ value: '3598, 899256269', interval: '10, 0' }) as object), id: 13 },
    saved,
  );
});

test('an absolute timer is saved with the time of its clock, too', () => {
  const now = { tv_sec: 1000, tv_nsec: 700_000_000 };
  assert.deepEqual(inspected({ clockid: 0, flags: '03', value: '5, 600000000' }, now), {
    ...{ ...idle, clockid: 0, settime_flags: 3, vsec: 5, vnsec: 600_000_000 },
    ...{ expires_sec: 1006, expires_nsec: 300_000_000 },
  });
  assert.deepEqual(inspected({ flags: '01' }, now), { ...idle, settime_flags: 1 });
});

test('what has expired is counted once', () => {
  assert.deepEqual(inspected({ ticks: 1, value: '0, 12' }), { ...idle, ticks: 1n });
  const periodic = { ...idle, insec: 5 };
  const left = { ticks: 3, value: '0, 4', interval: '0, 5' };
  assert.deepEqual(inspected(left), { ...periodic, ticks: 3n, vnsec: 4 });
  assert.deepEqual(inspected({ ...left, value: '0, 0' }), { ...periodic, ticks: 3n, vnsec: 1 });
});

test('a timer whose clock was set is refused until the program has read it', () => {
  const shown = { clockid: 0, flags: '03', interval: '0, 0' };
  for (const cancelled of [
    { ticks: 1, value: '9, 0' },
    { ticks: 2, value: '9, 0' },
    { ticks: 2, value: '0, 0' },
    { ticks: 1, value: '9, 0', interval: '7, 0' },
    { ticks: 2, value: '0, 0', interval: '7, 0' },
  ]) {
    assert.throws(() => inspected({ ...shown, ...cancelled }), /its clock was set.*ECANCELED/);
  }
  for (const expired of [
    { ticks: 1, value: '0, 0' },
    { ticks: 1, value: '0, 0', interval: '7, 0' },
    { ticks: 3, value: '0, 4', interval: '7, 0', flags: '01' },
    { ticks: 3, value: '0, 4', interval: '7, 0', clockid: 1 },
  ]) {
    assert.ok(inspected({ ...shown, ...expired }, { tv_sec: 1, tv_nsec: 0 }));
  }
});

const images = new ImageSet();
images.put(IMAGES.TIMENS, 0, {
  monotonic: { tv_sec: 50, tv_nsec: 900_000_000 },
  boottime: { tv_sec: 80, tv_nsec: 0 },
});
/** A host whose clock of the day is at 1000 s. */
const port = {
  scope: () => ({
    alloc: (length: number) => ({ address: 0, length, bytes: new Uint8Array(length) }),
    [Symbol.dispose]: () => {},
  }),
  call: (_: unknown, { tp }: { tp: { bytes: Uint8Array } }) =>
    tp.bytes.set(timespec.encode({ tv_sec: 1000, tv_nsec: 0 })),
};
const set = (entry: object): string[] =>
  stepsOf(timerfd, { ...idle, ...entry }, { context: { images, port } }).slice(3);
const settime = (flags: string, value: [number, number], interval: [number, number]): string => {
  const time = ([tv_sec, tv_nsec]: [number, number]) => ({ tv_sec, tv_nsec });
  const itimerspec = JSON.stringify({ it_interval: time(interval), it_value: time(value) });
  return `task state: timerfd_settime(41, ${flags}, ${itimerspec}, NULL)`;
};

test('a timer is set when all else is done, and its expirations after that', () => {
  assert.deepEqual(set({ vsec: 3, insec: 8, ticks: 2n }), [
    settime('0x0', [3, 0], [0, 8]),
    'task state: ioctl(41, 0x40085400, <8 bytes>)',
  ]);
  assert.deepEqual(set({ settime_flags: 1, vsec: 3, expires_sec: 70, expires_nsec: 1 }), [
    settime('TFD_TIMER_ABSTIME', [70, 1], [0, 0]),
  ]);
  assert.deepEqual(set({}), []);
});

test("CRIU's absolute timers expire when the time that was left has passed since the dump", () => {
  const left = { settime_flags: 1, vsec: 3, vnsec: 200_000_000 };
  assert.deepEqual(set(left), [settime('TFD_TIMER_ABSTIME', [54, 100_000_000], [0, 0])]);
  const boottime = set({ ...left, clockid: 7 });
  assert.deepEqual(boottime, [settime('TFD_TIMER_ABSTIME', [83, 200_000_000], [0, 0])]);
  const realtime = set({ ...left, clockid: 0 });
  assert.deepEqual(realtime, [settime('TFD_TIMER_ABSTIME', [1003, 200_000_000], [0, 0])]);
});

test("CRIU's periodic timers with expirations that nobody has read go on", () => {
  const [first] = set({ ticks: 1n, isec: 5 });
  assert.equal(first, settime('0x0', [5, 0], [5, 0]));
  const absolute = set({ ticks: 1n, isec: 5, settime_flags: 1 });
  assert.equal(absolute[0], settime('TFD_TIMER_ABSTIME', [55, 900_000_000], [5, 0]));
});

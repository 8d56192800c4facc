import assert from 'node:assert/strict';
import { test } from 'node:test';
import { descriptionOf, entryOf, stepsOf } from '../../../test/support/file-kind.js';
import { fixtureImages } from '../../../test/support/golden-images.js';
import { IMAGES } from '../../images/catalogue.js';
import { DEFAULT_OBJECT_OPTIONS } from '../options.js';
import { inotify } from './inotify.js';
import { noOwner } from './registry.js';

const lines =
  'inotify wd:1 ino:2100ef sdev:fe00000 mask:300 ignored_mask:0 fhandle-bytes:8 fhandle-type:1 ' +
  'f_handle:ef00210049c408c0\n';
const description = descriptionOf('anon_inode:inotify', { flags: '04000', lines });
const [line] = description.fdinfo.records('inotify wd');
const file = { sdev: 0xfe00000, ino: 0x2100efn, handleType: 1 };
const saved = fixtureImages('files')
  .many(IMAGES.FILES)
  .find(({ ify }) => ify)?.ify;
const words = saved?.wd[0]?.f_handle.handle ?? [];
const handle = new Uint8Array(BigUint64Array.from(words).buffer).subarray(0, 8);

const inspected = (found: unknown, unreadBytes = 0): unknown =>
  entryOf(inotify, {
    description,
    seen: new Map([
      [description, { unreadBytes, watches: [{ line, file: { ...file, handle }, found }] }],
    ]),
  });

test('a watch gets the entry that CRIU gave it, field by field', () => {
  const entry = inspected({ path: '/tmp/golden-run/files' }) as typeof saved;
  assert.deepEqual({ ...entry, id: 15 }, saved);
});

test('events that wait to be read are noted as lost, and said to be', () => {
  const entry = inspected({ path: '/a' }, 48) as { lost?: boolean };
  assert.equal(entry.lost, true);
  const port = { readText: () => '1503\n' };
  const steps = stepsOf(inotify, { ...entry, wd: [] }, { context: { port } });
  const count = (part: string): number => steps.filter((step) => step.includes(part)).length;
  // As many as fit, and one more.
  assert.equal(count('task state: sendfile(42, 42'), 752);
  assert.deepEqual(
    steps
      .filter((step) => /read\(|watch/.test(step))
      .map((step) => step.replace(/0x\w+(<\d+>)?/, '')),
    [
      'task state: inotify_add_watch(43, , 0x3)',
      'task state: inotify_rm_watch(43, a result)',
      'task state: read(43, , 16000) = 16000',
      'task state: read(43, , 8048) = 8048',
    ],
  );
  const huge = { context: { port: { readText: () => '99999999' } } };
  assert.throws(() => stepsOf(inotify, { ...entry, wd: [] }, huge), /max_queued_events/);
});

test('what cannot be watched again is refused by name', () => {
  assert.throws(() => inspected(undefined), /watch 1 is on \(inode 2162927\) is not found/);
  assert.throws(() => inspected({ deleted: '/a' }), /watch 1 is on '\/a', which is deleted/);
});

const watch = (wd: number, path: string, mask = 2) => ({ wd, mask, f_handle: { path } });
const stepsFor = (...wd: object[]): string[] =>
  stepsOf(inotify, { id: 7, flags: 0o4000, fown: noOwner(), wd })
    .slice(3)
    .map((step) => step.replaceAll(/0x1000[0-9a-f]+<\d+>/g, 'PATH'));

test('numbers that are gone are given, taken back and forgotten', () => {
  assert.deepEqual(stepsFor(watch(3, '/b', 0x80000002), watch(1, '/a')), [
    'task state: inotify_add_watch(41, PATH, 0x2000002) = 1',
    'task state: inotify_add_watch(41, PATH, 0x82000002) = 2',
    'task state: inotify_rm_watch(41, 2)',
    'task state: inotify_add_watch(41, PATH, 0x82000002) = 3',
    'task state: read(41, PATH, 16000)',
    'task state: fcntl(41, F_SETFL, 0x800)',
  ]);
  const reads = stepsFor(watch(2500, '/a')).filter((step) => step.includes('read('));
  assert.equal(reads.length, 3);
});

test('a restore names the watched files that are missing', () => {
  const port = { attemptStat: (path: string) => (path === '/a' ? {} : -2) } as never;
  const entry = { wd: [watch(1, '/a'), watch(2, '/b')] };
  assert.deepEqual(inotify.survey?.(entry, port, DEFAULT_OBJECT_OPTIONS), [
    "'/b' is missing (ENOENT)",
  ]);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { descriptionOf, entryOf, stepsOf } from '../../../test/support/file-kind.js';
import { fixtureImages } from '../../../test/support/golden-images.js';
import { IMAGES } from '../../images/catalogue.js';
import type { DescriptionView } from '../kinds.js';
import { epoll } from './epoll.js';
import { noOwner } from './registry.js';

const lines =
  'tfd:        9 events:       19 data: 1122334455667788  pos:0 ino:40e sdev:10\n' +
  'tfd:        7 events:       19 data: 1122334455667788  pos:0 ino:40e sdev:10\n';
const view = descriptionOf('anon_inode:[eventpoll]', { lines });
const [first, second] = view.fdinfo.records('tfd');
const target = descriptionOf('anon_inode:[eventfd]', {});
const ids = { idOf: (of: DescriptionView) => (of === target ? 5 : 0) };

test('targets get the entries that CRIU gave them, field by field', () => {
  const saved = fixtureImages('files')
    .many(IMAGES.FILES)
    .find(({ epfd }) => epfd)?.epfd;
  const seen = [
    { line: first, description: target, numbers: [4, 9] },
    { line: second, description: target, numbers: [7] },
  ];
  const entry = entryOf(epoll, { description: view, seen, ids }) as { tfd: unknown[] };
  assert.deepEqual(entry.tfd, saved?.tfd.slice(0, 2));
});

test('a target under a number that does not lead to it is saved with its id', () => {
  const seen = [
    { line: first, description: target, numbers: [4] },
    { line: second, description: target, numbers: [] },
  ];
  const { tfd } = entryOf(epoll, { description: view, seen, ids }) as {
    tfd: Record<string, unknown>[];
  };
  assert.deepEqual(
    tfd.map(({ tfd: fd, number, file_id }) => [fd, number, file_id]),
    [
      [4, 9, 5],
      [7, undefined, 5],
    ],
  );
});

const entryWith = (...tfd: object[]) => ({
  ...{ id: 7, flags: 2, fown: noOwner() },
  tfd: tfd.map((one) => ({ id: 0, events: 0x19, data: 1n, ...one })),
});
const files = {
  tableOf: () =>
    new Map([
      [4, { id: 1, flags: 0 }],
      [9, { id: 2, flags: 1 }],
    ]),
  temporary: (_: unknown, id: number) => 100 + id,
};
const filled = (...tfd: object[]): string[] =>
  stepsOf(epoll, entryWith(...tfd), { files, context: { controlFd: 40 } }).slice(3);
const ctl = (op: string, fd: number, events = '25') =>
  `fill: epoll_ctl(41, ${op}, ${fd}, {"events":${events},"data":"0x1"})`;

test('targets are added by their number, or put there for a moment', () => {
  assert.deepEqual(filled({ tfd: 4 }, { tfd: 4, file_id: 1 }), [
    ctl('EPOLL_CTL_ADD', 4),
    ctl('EPOLL_CTL_ADD', 4),
  ]);
  assert.deepEqual(filled({ tfd: 4, number: 9, file_id: 5 }, { tfd: 30, file_id: 5 }), [
    'fill: close(9)',
    'fill: dup3(105, 9, O_CLOEXEC) = 9',
    ctl('EPOLL_CTL_ADD', 9),
    'fill: close(9)',
    'fill: dup3(102, 9, O_CLOEXEC) = 9',
    'fill: dup3(105, 30, O_CLOEXEC) = 30',
    ctl('EPOLL_CTL_ADD', 30),
    'fill: close(30)',
  ]);
  assert.deepEqual(filled({ tfd: 40, file_id: 5 }), [ctl('EPOLL_CTL_ADD', 105)]);
  assert.throws(() => filled({ tfd: 5 }), /target 5 is not among the descriptors/);
  assert.deepEqual(epoll.needs?.(entryWith({ tfd: 4 }, { tfd: 4, file_id: 5 })), [5]);
});

test('a one-shot target that has fired is reported first, and what is not ready armed for the least', () => {
  const steps = filled({ tfd: 4 }, { tfd: 9, events: 0x40000000 });
  assert.deepEqual(steps.map((step) => step.replace(/0x1000[0-9a-f]+/, 'report')).slice(0, 4), [
    ctl('EPOLL_CTL_ADD', 9, '1073750341'),
    'fill: epoll_wait(41, report, 1, 0)',
    ctl('a word', 9, '1073741824'),
    ctl('EPOLL_CTL_ADD', 4),
  ]);
});

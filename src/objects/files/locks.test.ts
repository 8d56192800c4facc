import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fakePort } from '../../../test/support/task-states.js';
import type { DescriptionView } from '../kinds.js';
import type { DumpPort, FileStat } from '../ports.js';
import { findOutsiders, lockEntry, parseHeldLocks } from './locks.js';

const AT = { vpid: 11164, fd: 3, allowed: true };
const entryOf = (line: string) => {
  const [lock] = parseHeldLocks([line]);
  assert(lock);
  return lockEntry(lock, AT);
};

test('each kind and range becomes the entry that CRIU writes', () => {
  const held = { pid: 11164, fd: 3 };
  assert.deepEqual(entryOf('1: FLOCK  ADVISORY  WRITE 11164 fe:00:2149652 0 EOF'), {
    ...held,
    ...{ flag: 2, type: 1, start: 0n, len: 0n },
  });
  assert.deepEqual(entryOf('1: POSIX  ADVISORY  WRITE 11164 fe:00:2149652 10 29'), {
    ...held,
    ...{ flag: 1, type: 1, start: 10n, len: 20n },
  });
  assert.deepEqual(entryOf('1: OFDLCK ADVISORY  READ -1 fe:00:2149652 100 EOF'), {
    ...held,
    ...{ flag: 4, type: 0, start: 100n, len: 0n },
  });
  assert.deepEqual(entryOf('1: LEASE  ACTIVE    READ 11164 fe:00:2149652 0 EOF'), {
    ...held,
    ...{ flag: 8, type: 0, start: 0n, len: 0n },
  });
});

test('who waits for a lock does not hold it', () => {
  assert.deepEqual(parseHeldLocks(['1: -> POSIX ADVISORY WRITE 5 fe:00:1 0 EOF']), []);
});

test('without the option a lock is refused by name', () => {
  const refusal = (line: string) => {
    const [lock] = parseHeldLocks([line]);
    assert(lock);
    try {
      lockEntry(lock, { ...AT, allowed: false });
    } catch (error) {
      return (error as Error).message;
    }
    return 'allowed';
  };
  assert.equal(
    refusal('1: FLOCK  ADVISORY  READ 1 fe:00:1 0 EOF'),
    'it holds a file lock (flock(2) READ): --file-locks is needed',
  );
  assert.equal(
    refusal('1: LEASE  ACTIVE    WRITE 1 fe:00:1 0 EOF'),
    'it holds a lease (fcntl F_SETLEASE, WRITE): --file-locks is needed',
  );
});

test('leases on their way out and legacy locks are refused', () => {
  assert.throws(() => entryOf('1: LEASE  BREAKING  UNLCK 1 fe:00:1 0 EOF'), /is breaking/);
  assert.throws(() => entryOf('1: FLOCK  ADVISORY  RW 1 fe:00:1 0 EOF'), /a kind of lock that/);
  assert.throws(() => entryOf('1: DELEG  ACTIVE    READ 1 fe:00:1 0 EOF'), /a kind of lock that/);
});

test('outsiders are told by the very description, not by the file', () => {
  const stat = (ino: bigint): FileStat => ({
    ...{ dev: 1n, ino, nlink: 1n, mode: 0, uid: 0, gid: 0, rdev: 0n, size: 0 },
  });
  const stats: Record<string, FileStat> = {
    '/proc/20/fd/5': stat(9n),
    '/proc/20/fd/6': stat(8n),
    '/proc/21/fd/5': stat(8n),
  };
  const asked: unknown[] = [];
  const port: DumpPort = {
    ...fakePort({
      files: { '/proc/21/comm': 'holder\n' },
      calls: {
        kcmp: (_, args) => {
          asked.push([args.pid1, args.idx1, args.pid2, args.idx2]);
          return args.pid1 === 21 ? 0 : 1;
        },
      },
    }),
    readDir: () => ['self', '10', '20', '21', '412'],
    attemptReadDir: (path) =>
      Object.keys(stats).flatMap((each) =>
        each.startsWith(`${path}/`) ? [each.slice(path.length + 1)] : [],
      ),
    attemptStat: (path) => stats[path] ?? -2,
  };
  const view = { fd: 3, stat: stat(8n) } as unknown as DescriptionView;
  const found = findOutsiders(port, [{ view, task: 10 }], new Set([10]));
  assert.match(found.get(view)?.message ?? '', /together with process 21 \(holder\)/);
  assert.deepEqual(asked, [
    [20, 6, 10, 3],
    [21, 5, 10, 3],
  ]);
});

/**
 * inotify(7): fdinfo shows each watch by device, inode and file handle; images have the path, too, which is what a
 * restore watches. Numbers of watches only count up: those that are gone are given again and taken back. Events that
 * wait to be read are shown nowhere but by their length: the restored instance says that it lost some. Watches are made
 * in 'task state': what the restore itself opens before is not told of.
 */
import { fd_types } from '../../images/messages/fdinfo.js';
import type { inotify_file_entry, inotify_wd_entry } from '../../images/messages/fsnotify.js';
import type { MessageValue } from '../../images/schema.js';
import { errnoName } from '../../linux/errno.js';
import type { FdinfoRecord } from '../../linux/procfs/fdinfo.js';
import { inotifyAddWatch, inotifyInit1, inotifyRmWatch } from '../../linux/syscalls/events.js';
import { fcntl, ioctl, read } from '../../linux/syscalls/files.js';
import {
  IN_ACCESS,
  IN_CLOSE_NOWRITE,
  IN_DONT_FOLLOW,
  IN_OPEN,
  INOTIFY_EVENT_BYTES,
} from '../../linux/uapi/events.js';
import { AT_SYMLINK_NOFOLLOW, F_SETFL, O_NONBLOCK } from '../../linux/uapi/fcntl.js';
import { FIONREAD } from '../../linux/uapi/poll.js';
import type { Track } from '../../plan/track.js';
import { viewOf } from '../../support/bytes.js';
import { unsupported } from '../../support/errors.js';
import { cString } from '../../support/text.js';
import { type DescriptionView, defineFileKind, type TreeFiles } from '../kinds.js';
import type { DumpPort } from '../ports.js';
import { commonFields } from './anonymous.js';
import { makeEventFile, overflow, queueLength } from './inotify-overflow.js';
import { settableFlags } from './pipe-queue.js';
import { type FoundPath, type WatchedFile, WatchedPaths } from './watched-paths.js';

type InotifyEntry = MessageValue<typeof inotify_file_entry>;
type WatchEntry = MessageValue<typeof inotify_wd_entry>;

/** Words of fh_entry.handle. */
const HANDLE_WORDS = 16;
/** Each number below takes two calls and 128 bytes of the plan. */
const MOST_WATCHES = 500_000;
/** Told by the kernel when a watch is taken back; fs.inotify.max_queued_events is 16384. */
const IGNORED_AT_ONCE = 1000;

interface Watch {
  line: FdinfoRecord;
  file: WatchedFile;
  found: FoundPath;
}

interface Instance {
  unreadBytes: number;
  watches: Watch[];
}

/** All instances of a tree are looked at together: to look for one's files must not be told to another. */
function observe(
  port: DumpPort,
  group: readonly DescriptionView[],
  tree: TreeFiles,
): Map<DescriptionView, Instance> {
  const lines = group.flatMap(({ fdinfo }) => fdinfo.records('inotify wd'));
  const noticed = new Set(
    lines
      .filter((line) => (line.hex('mask') & (IN_OPEN | IN_CLOSE_NOWRITE | IN_ACCESS)) !== 0)
      .map((line) => `${line.hex('sdev')} ${line.hex64('ino')}`),
  );
  const paths = new WatchedPaths(port, tree, (sdev, ino) => noticed.has(`${sdev} ${ino}`));
  return new Map(
    group.map((view) => {
      const watches = view.fdinfo.records('inotify wd').map((line): Watch => {
        const file = watchedFile(line);
        return { line, file, found: paths.find(file) };
      });
      return [view, { unreadBytes: unreadBytes(port, view), watches }];
    }),
  );
}

const watchedFile = (line: FdinfoRecord): WatchedFile => ({
  sdev: line.hex('sdev'),
  ino: line.hex64('ino'),
  handle: Uint8Array.from(Buffer.from(line.find('f_handle') ?? '', 'hex')),
  handleType: line.has('fhandle-type') ? line.hex('fhandle-type') : 0,
});

function unreadBytes(port: DumpPort, { process, fd }: DescriptionView): number {
  const taken = port.take(process.pid, fd);
  using scope = port.scope();
  const argp = scope.alloc(4);
  try {
    port.call(ioctl, { fd: taken, request: FIONREAD, argp });
    return viewOf(argp.bytes).getInt32(0, true);
  } finally {
    port.drop(taken);
  }
}

function watchEntry({ line, file, found }: Watch): WatchEntry {
  const wd = line.hex('wd');
  const { ino, sdev, handle, handleType } = file;
  if (found === undefined) {
    throw unsupported(`the name of what its watch ${wd} is on (inode ${ino}) is not found`, {
      remedy: 'close it before the checkpoint',
    });
  }
  if ('deleted' in found) throw deletedFile(wd, found.deleted);
  if (wd > MOST_WATCHES) throw unsupported(`its watch has the number ${wd}, which takes too long`);
  const padded = new Uint8Array(HANDLE_WORDS * 8);
  padded.set(handle);
  const view = viewOf(padded);
  const words = Array.from({ length: HANDLE_WORDS }, (_, i) => view.getBigUint64(i * 8, true));
  return {
    id: 0,
    i_ino: ino,
    mask: line.hex('mask'),
    ignored_mask: line.hex('ignored_mask'),
    s_dev: sdev,
    wd,
    f_handle: { bytes: handle.length, type: handleType, handle: words, path: found.path },
  };
}

const deletedFile = (wd: number, name: string) =>
  unsupported(`its watch ${wd} is on '${name}', which is deleted: that is not saved yet`, {
    remedy: 'remove the watch before the checkpoint',
  });

const pathOf = ({ wd, f_handle }: WatchEntry): string => {
  if (f_handle.path !== undefined) return f_handle.path;
  throw unsupported(`its watch ${wd} has no path in the images`);
};

export const inotify = defineFileKind<
  InotifyEntry,
  Map<DescriptionView, Instance>,
  number | undefined
>({
  name: 'inotify',
  fdType: fd_types.INOTIFY,
  unionField: 'ify',
  recognize: [{ anonInode: 'inotify' }, { anonInode: '[inotify]' }],
  groupOf: () => '',
  observe,
  inspect({ id, description, seen }) {
    const { unreadBytes: unread, watches } = seen.get(description) ?? {
      unreadBytes: 0,
      watches: [],
    };
    const wd = watches.map(watchEntry);
    return { entry: { ...commonFields(id, description), wd, ...(unread > 0 && { lost: true }) } };
  },
  survey: ({ wd }, port) =>
    wd.flatMap((watch) => {
      const path = pathOf(watch);
      const found = port.attemptStat(path, AT_SYMLINK_NOFOLLOW);
      return typeof found === 'number' ? [`'${path}' is missing (${errnoName(-found)})`] : [];
    }),
  resourceOf: ({ id }) => `inotify ${id}`,
  make({ entries: [entry], process: { track } }) {
    return entry?.lost ? makeEventFile(track, `inotify ${entry.id}`) : undefined;
  },
  open({ entry: { id }, process: { track } }) {
    return track.newFd(inotifyInit1, { flags: O_NONBLOCK }, { object: `inotify ${id}` });
  },
  fill({ entry, process: { track }, made: file, context }, fd) {
    track.at('task state');
    const object = `inotify ${entry.id}`;
    const counting: Counting = { track, fd, object, next: 1, ignored: 0 };
    for (const watch of [...entry.wd].sort((a, b) => a.wd - b.wd)) addWatch(counting, watch);
    if (counting.ignored > 0) forgetIgnored(counting);
    if (file !== undefined)
      overflow(track, { fd, file, events: queueLength(context.port), object });
    track.call(fcntl, { fd, cmd: F_SETFL, arg: settableFlags(entry.flags) }, { object });
  },
});

interface Counting {
  track: Track;
  fd: number;
  object: string;
  /** The number that the kernel gives next. */
  next: number;
  /** Watches taken back, of which the program would be told. */
  ignored: number;
}

function addWatch(counting: Counting, watch: WatchEntry): void {
  const { track, fd, object } = counting;
  const path = cString(pathOf(watch));
  const pathname = { address: track.memory.store(path, 1), length: path.length };
  const mask = (watch.mask | IN_DONT_FOLLOW) >>> 0;
  for (; counting.next <= watch.wd; counting.next++) {
    const wd = counting.next;
    track.call(inotifyAddWatch, { fd, pathname, mask }, { object, mustEqual: wd });
    if (wd === watch.wd) continue;
    track.call(inotifyRmWatch, { fd, wd }, { object });
    if (++counting.ignored === IGNORED_AT_ONCE) forgetIgnored(counting);
  }
}

function forgetIgnored(counting: Counting): void {
  const { track, fd, object } = counting;
  const count = IGNORED_AT_ONCE * INOTIFY_EVENT_BYTES;
  track.call(read, { fd, buf: track.memory.reserve(count), count }, { object });
  counting.ignored = 0;
}

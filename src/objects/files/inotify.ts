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
import { fcntl, read } from '../../linux/syscalls/files.js';
import { IN_DONT_FOLLOW, INOTIFY_EVENT_BYTES } from '../../linux/uapi/events.js';
import { AT_SYMLINK_NOFOLLOW, F_SETFL, O_NONBLOCK } from '../../linux/uapi/fcntl.js';
import type { Track } from '../../plan/track.js';
import { unsupported } from '../../support/errors.js';
import { cString } from '../../support/text.js';
import {
  type DescriptionView,
  defineFileKind,
  type FileBuild,
  type FileIds,
  type TreeFiles,
} from '../kinds.js';
import type { DumpPort } from '../ports.js';
import { commonFields } from './anonymous.js';
import { makeEventFile, overflow, queueLength } from './inotify-overflow.js';
import { settableFlags } from './pipe-queue.js';
import { type FoundPath, type WatchedFile, WatchedPaths } from './watched-paths.js';
import {
  handleEntry,
  noticesOf,
  openFileOf,
  savedPath,
  unreadBytes,
  watchedFile,
  watchedPath,
} from './watches.js';

type InotifyEntry = MessageValue<typeof inotify_file_entry>;
type WatchEntry = MessageValue<typeof inotify_wd_entry>;

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
  const notices = noticesOf(group.flatMap(({ fdinfo }) => fdinfo.records('inotify wd')));
  const paths = new WatchedPaths(port, tree, notices);
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

function watchEntry({ line, file, found }: Watch, ids: FileIds): WatchEntry {
  const wd = line.hex('wd');
  const f_handle = handleEntry(`its watch ${wd}`, file, found);
  if (wd > MOST_WATCHES) throw unsupported(`its watch has the number ${wd}, which takes too long`);
  return {
    id: 0,
    i_ino: file.ino,
    mask: line.hex('mask'),
    ignored_mask: line.hex('ignored_mask'),
    s_dev: file.sdev,
    wd,
    f_handle,
    ...openFileOf(found, ids),
  };
}

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
  inspect({ id, description, seen, ids }) {
    const { unreadBytes: unread, watches } = seen.get(description) ?? {
      unreadBytes: 0,
      watches: [],
    };
    const wd = watches.map((watch) => watchEntry(watch, ids));
    return { entry: { ...commonFields(id, description), wd, ...(unread > 0 && { lost: true }) } };
  },
  survey: ({ wd }, port) =>
    wd.flatMap((watch) => {
      const path = savedPath(`its watch ${watch.wd}`, watch);
      if (path === undefined) return [];
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
  needs: ({ wd }) => wd.flatMap(({ file_id }) => file_id ?? []),
  fill(build, fd) {
    const { entry, process, made: file, context } = build;
    const { track } = process;
    track.at('task state');
    const object = `inotify ${entry.id}`;
    const counting: Counting = { build, track, fd, object, next: 1, ignored: 0 };
    for (const watch of [...entry.wd].sort((a, b) => a.wd - b.wd)) addWatch(counting, watch);
    if (counting.ignored > 0) forgetIgnored(counting);
    if (file !== undefined)
      overflow(track, { fd, file, events: queueLength(context.port), object });
    track.call(fcntl, { fd, cmd: F_SETFL, arg: settableFlags(entry.flags) }, { object });
  },
});

interface Counting {
  build: Pick<FileBuild<unknown, unknown>, 'files' | 'process'>;
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
  const { path, follow } = watchedPath(`its watch ${watch.wd}`, watch, counting.build);
  const bytes = cString(path);
  const pathname = { address: track.memory.store(bytes, 1), length: bytes.length };
  const mask = (watch.mask | (follow ? 0 : IN_DONT_FOLLOW)) >>> 0;
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

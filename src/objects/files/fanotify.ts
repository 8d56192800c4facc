/**
 * fanotify(7): fdinfo shows the group's flags and its marks: of files by device, inode and file handle, of mounts by
 * number, of file systems by device. Images have paths, too, which is what a restore marks; in 'task state', so that what
 * the restore itself opens before is not told of. Marks that ask for permission would stop everybody who opens a file while
 * the program is frozen.
 */
import { fd_types } from '../../images/messages/fdinfo.js';
import {
  type fanotify_file_entry,
  type fanotify_mark_entry,
  mark_type,
} from '../../images/messages/fsnotify.js';
import type { MessageValue } from '../../images/schema.js';
import { errnoName } from '../../linux/errno.js';
import { decodeKernelDev, encodeDev, encodeKernelDev } from '../../linux/procfs/devices.js';
import type { FdinfoRecord } from '../../linux/procfs/fdinfo.js';
import { type Mount, parseMountinfo } from '../../linux/procfs/mountinfo.js';
import { AT_FDCWD } from '../../linux/syscall.js';
import { fanotifyInit, fanotifyMark } from '../../linux/syscalls/events.js';
import {
  FAN_ACCESS_PERM,
  FAN_MARK_ADD,
  FAN_MARK_DONT_FOLLOW,
  FAN_MARK_EVICTABLE,
  FAN_MARK_FILESYSTEM,
  FAN_MARK_IGNORE,
  FAN_MARK_IGNORED_MASK,
  FAN_MARK_IGNORED_SURV_MODIFY,
  FAN_MARK_MOUNT,
  FAN_ONDIR,
  FAN_OPEN_EXEC_PERM,
  FAN_OPEN_PERM,
  FAN_PRE_ACCESS,
} from '../../linux/uapi/events.js';
import { AT_SYMLINK_NOFOLLOW } from '../../linux/uapi/fcntl.js';
import { defined } from '../../support/assert.js';
import { imageError, refused, unsupported } from '../../support/errors.js';
import { type DescriptionView, defineFileKind, type FileIds, type TreeFiles } from '../kinds.js';
import type { DumpPort } from '../ports.js';
import { commonFields, setFlags } from './anonymous.js';
import { type FoundPath, type WatchedFile, WatchedPaths } from './watched-paths.js';
import {
  handleEntry,
  NOTICES_LOOKING,
  noticesOf,
  openFileOf,
  savedPath,
  unreadBytes,
  watchedFile,
  watchedPath,
} from './watches.js';

type FanotifyEntry = MessageValue<typeof fanotify_file_entry>;
type MarkEntry = MessageValue<typeof fanotify_mark_entry>;

interface SeenFile {
  file: WatchedFile;
  found: FoundPath;
}

interface Seen {
  /** Of the marks of files, in order. */
  unreadBytes: number;
  files: SeenFile[];
  mounts: readonly Mount[];
}

const ASKS = FAN_OPEN_PERM | FAN_ACCESS_PERM | FAN_OPEN_EXEC_PERM | FAN_PRE_ACCESS;
/** Of mounts and file systems. */
const WIDE_MARKS = ['fanotify mnt_id', 'fanotify sdev'];
const WHAT = 'its mark';
const REMEDY = 'close it before the checkpoint';

/** All groups of a tree are looked at together: to look for one's files must not be told to another. */
function observe(
  port: DumpPort,
  group: readonly DescriptionView[],
  tree: TreeFiles,
): Map<DescriptionView, Seen> {
  const notices = noticesOf(group.flatMap(({ fdinfo }) => fdinfo.records('fanotify ino')));
  const wide = group.flatMap(({ fdinfo }) =>
    WIDE_MARKS.flatMap((name) => fdinfo.records(name)).map((line) => line.hex('mask')),
  );
  const isWide = wide.some((mask) => (mask & FAN_ONDIR) !== 0 && (mask & NOTICES_LOOKING) !== 0);
  const paths = new WatchedPaths(port, tree, isWide ? () => true : notices);
  const mounts = parseMountinfo(port.readText('/proc/self/mountinfo'));
  return new Map(
    group.map((view) => {
      const files = view.fdinfo.records('fanotify ino').map((line) => {
        const file = watchedFile(line);
        return { file, found: paths.find(file) };
      });
      return [view, { unreadBytes: unreadBytes(port, view), files, mounts }];
    }),
  );
}

const commonMark = (line: FdinfoRecord) => ({
  id: 0,
  mflags: line.hex('mflags'),
  mask: line.hex('mask'),
  ignored_mask: line.hex('ignored_mask'),
});

function markEntries(
  { fdinfo }: DescriptionView,
  { files, mounts }: Seen,
  ids: FileIds,
): MarkEntry[] {
  const found = files.values();
  return fdinfo.recordsOf('fanotify').flatMap((line): MarkEntry[] => {
    if (line.has('flags')) return [];
    if (line.has('ino')) return [fileMark(line, found.next().value, ids)];
    if (line.has('mnt_id')) {
      const mnt_id = line.hex('mnt_id');
      const mount = mounts.find(({ mntId }) => mntId === mnt_id);
      return [mountMark(line, mount, `mount ${mnt_id}`, mounts)];
    }
    if (line.has('sdev')) {
      const device = encodeDev(decodeKernelDev(line.hex('sdev')));
      const mount = mounts.find((one) => encodeDev(one) === device && isOnTop(one, mounts));
      const entry = mountMark(line, mount, `the file system of device ${device}`, mounts);
      return [{ ...entry, filesystem: true }];
    }
    throw unsupported('its mark is on a mount namespace, which is not saved', { remedy: REMEDY });
  });
}

function fileMark(line: FdinfoRecord, seen: SeenFile | undefined, ids: FileIds): MarkEntry {
  const { file, found } = defined(seen, 'every marked file is looked for');
  const f_handle = handleEntry(WHAT, file, found);
  const ie = { i_ino: file.ino, f_handle, ...openFileOf(found, ids) };
  return { ...commonMark(line), type: mark_type.INODE, s_dev: file.sdev, ie };
}

const isOnTop = ({ mntId, mountpoint }: Mount, mounts: readonly Mount[]): boolean =>
  mounts.findLast((one) => one.mountpoint === mountpoint)?.mntId === mntId;

function mountMark(
  line: FdinfoRecord,
  mount: Mount | undefined,
  what: string,
  mounts: readonly Mount[],
): MarkEntry {
  if (mount === undefined || !isOnTop(mount, mounts)) {
    throw unsupported(`its mark is on ${what}, to which no path leads`, { remedy: REMEDY });
  }
  const { mntId: mnt_id, major, minor, mountpoint: path } = mount;
  const s_dev = encodeKernelDev({ major, minor });
  return { ...commonMark(line), type: mark_type.MOUNT, s_dev, me: { mnt_id, path } };
}

function verifyMarks(marks: readonly MarkEntry[]): void {
  if (marks.some(({ mask, ignored_mask }) => ((mask | ignored_mask) & ASKS) !== 0)) {
    throw unsupported('it is asked for permission (FAN_OPEN_PERM and its like)', {
      remedy: 'remove such marks before the checkpoint: others would wait for the frozen program',
    });
  }
}

function mountOf({ me }: MarkEntry): string {
  if (me?.path !== undefined) return me.path;
  throw imageError(`${WHAT} is on no file and no mount in the images`);
}

const asUnsigned = (value: number): number => value >>> 0;

export const fanotify = defineFileKind<FanotifyEntry, Map<DescriptionView, Seen>>({
  name: 'fanotify',
  fdType: fd_types.FANOTIFY,
  unionField: 'ffy',
  recognize: [{ anonInode: '[fanotify]' }],
  groupOf: () => '',
  observe,
  inspect({ id, description, seen, ids }) {
    const { fdinfo } = description;
    const facts = seen.get(description);
    const [flags] = fdinfo.records('fanotify flags');
    if (facts === undefined || flags === undefined) throw refused('fdinfo has no flags of it');
    const mark = markEntries(description, facts, ids);
    verifyMarks(mark);
    if (facts.unreadBytes > 0) {
      throw unsupported(`it has ${facts.unreadBytes} bytes of events that have not been read`, {
        remedy: 'checkpoint when the program has read them',
      });
    }
    const [faflags, evflags] = [flags.hex('flags'), flags.hex('event-flags')];
    return { entry: { ...commonFields(id, description), faflags, evflags, mark } };
  },
  survey: ({ mark }, port) =>
    mark.flatMap((one) => {
      const path = one.ie ? savedPath(WHAT, one.ie) : mountOf(one);
      if (path === undefined) return [];
      const found = port.attemptStat(path, AT_SYMLINK_NOFOLLOW);
      return typeof found === 'number' ? [`'${path}' is missing (${errnoName(-found)})`] : [];
    }),
  open({ entry: { id, faflags, evflags, flags }, process: { track } }) {
    const object = `fanotify ${id}`;
    const init = { flags: faflags, event_f_flags: evflags };
    const fd = track.newFd(fanotifyInit, init, { object });
    setFlags(track, fd, flags, object);
    return fd;
  },
  needs: ({ mark }) => mark.flatMap(({ ie }) => ie?.file_id ?? []),
  fill(build, fd) {
    const { id, mark } = build.entry;
    const track = build.process.track.at('task state');
    // The kernel shows the last first.
    for (const one of [...mark].reverse()) {
      const { type, filesystem, mflags, mask, ignored_mask } = one;
      const wide = filesystem ? FAN_MARK_FILESYSTEM : FAN_MARK_MOUNT;
      const { path: pathname, follow } = one.ie
        ? watchedPath(WHAT, one.ie, build)
        : { path: mountOf(one), follow: false };
      const how = follow ? FAN_MARK_ADD : FAN_MARK_ADD | FAN_MARK_DONT_FOLLOW;
      const what = how | (type === mark_type.MOUNT ? wide : 0);
      const add = (flags: number, bits: number): void => {
        const at = { dirfd: AT_FDCWD, pathname };
        const args = { fd, flags: what | flags, mask: asUnsigned(bits), ...at };
        if (bits !== 0) track.call(fanotifyMark, args, { object: `fanotify ${id}` });
      };
      const kept = mflags & FAN_MARK_EVICTABLE;
      const ignores = (mflags & FAN_MARK_IGNORE) !== 0 ? FAN_MARK_IGNORE : FAN_MARK_IGNORED_MASK;
      add(kept, mask);
      add(kept | ignores | (mflags & FAN_MARK_IGNORED_SURV_MODIFY), ignored_mask);
    }
  },
});

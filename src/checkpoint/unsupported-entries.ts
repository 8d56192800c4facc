/**
 * What a sound checkpoint holds that this woodfrog cannot restore, by name: kinds of open files that the registry does not
 * know, images of features to come, namespaces of the tree's own, other processors. Task states speak for themselves.
 */
import { IMAGES } from '../images/catalogue.js';
import type { ImageSet } from '../images/directory.js';
import { type Image, imageName } from '../images/image.js';
import { core_entry_march } from '../images/messages/core.js';
import { fd_types } from '../images/messages/fdinfo.js';
import { enumName } from '../images/schema.js';
import { unsupported } from '../support/errors.js';
import { listProblems, type Problem } from './problems.js';

export interface Supported {
  /** Values of fd_types that the registry has a kind for. */
  readonly fileTypes: Iterable<number>;
  /** Further images that objects of the registry read. */
  readonly images?: Iterable<Image>;
}

const FILE_NAMES: Readonly<Record<number, string>> = {
  [fd_types.REG]: 'a file',
  [fd_types.PIPE]: 'a pipe',
  [fd_types.FIFO]: 'a FIFO',
  [fd_types.INETSK]: 'an internet socket',
  [fd_types.UNIXSK]: 'a unix socket',
  [fd_types.EVENTFD]: 'an eventfd',
  [fd_types.EVENTPOLL]: 'an epoll descriptor',
  [fd_types.INOTIFY]: 'an inotify descriptor',
  [fd_types.SIGNALFD]: 'a signalfd',
  [fd_types.PACKETSK]: 'a packet socket',
  [fd_types.TTY]: 'a terminal',
  [fd_types.FANOTIFY]: 'a fanotify descriptor',
  [fd_types.NETLINKSK]: 'a netlink socket',
  [fd_types.NS]: 'a namespace file',
  [fd_types.TUNF]: 'a tun or tap device',
  [fd_types.EXT]: 'an external file',
  [fd_types.TIMERFD]: 'a timerfd',
  [fd_types.MEMFD]: 'a memfd',
  [fd_types.BPFMAP]: 'a BPF map',
  [fd_types.PIDFD]: 'a pidfd',
};

/** What the skeleton of a tree consists of, and what a restore has no use for. */
const READ: readonly Image[] = [
  IMAGES.INVENTORY,
  IMAGES.PSTREE,
  IMAGES.CORE,
  IMAGES.IDS,
  IMAGES.MM,
  IMAGES.FS,
  IMAGES.FDINFO,
  IMAGES.FILES,
  IMAGES.PIPES_DATA,
  IMAGES.FIFO_DATA,
  IMAGES.BPFMAP_DATA,
  IMAGES.MEMFD_INODE,
  IMAGES.TIMENS,
  IMAGES.SECCOMP,
  IMAGES.STATS,
  IMAGES.IRMAP_CACHE,
].map((image) => image as Image);

/** Images of older versions of the format, for what is elsewhere today. */
const OLD: ReadonlySet<string> = new Set([
  ...['REG_FILES', 'PIPES', 'FIFO', 'EVENTFD_FILE', 'EVENTPOLL_FILE', 'EVENTPOLL_TFD', 'SIGNALFD'],
  ...['INOTIFY_FILE', 'INOTIFY_WD', 'FANOTIFY_FILE', 'FANOTIFY_MARK', 'NS_FILES', 'TIMERFD'],
  ...['INETSK', 'UNIXSK', 'NETLINK_SK', 'PACKETSK', 'TTY_FILES', 'TUNFILE', 'EXT_FILES', 'PIDFD'],
  ...['BPFMAP_FILE', 'SIGACT', 'ITIMERS', 'POSIX_TIMERS', 'CREDS', 'RLIMIT', 'VMAS', 'SIGNAL'],
  ...['PSIGNAL', 'BINFMT_MISC_OLD'],
]);

/** The name of shared anonymous memory's inode among those of memfds. */
const ANONYMOUS_SHARED = '/dev/zero';

export function unsupportedEntries(set: ImageSet, supported: Supported): Problem[] {
  return [
    ...unsupportedProcessors(set),
    ...unsupportedNamespaces(set),
    ...unsupportedFiles(set, new Set(supported.fileTypes)),
    ...unsupportedImages(set, supported.images ?? []),
  ];
}

/** Throws one error that names them all. */
export function refuseUnsupported(set: ImageSet, supported: Supported): void {
  const found = unsupportedEntries(set, supported);
  if (found.length === 0) return;
  throw unsupported(listProblems(found), { object: 'the checkpoint' });
}

const LATER = 'which woodfrog cannot restore yet';

function unsupportedProcessors(set: ImageSet): Problem[] {
  return set.ids(IMAGES.CORE).flatMap((tid) => {
    const mtype = set.get(IMAGES.CORE, tid)?.mtype;
    if (mtype === undefined || mtype === core_entry_march.X86_64) return [];
    const name = enumName(core_entry_march, mtype) ?? `number ${mtype}`;
    const what = `has registers of the processor ${name}, ${LATER}`;
    return [{ file: imageName(IMAGES.CORE, tid), what }];
  });
}

const NAMESPACES = {
  pid_ns_id: 'pid',
  net_ns_id: 'network',
  ipc_ns_id: 'IPC',
  uts_ns_id: 'UTS',
  mnt_ns_id: 'mount',
  user_ns_id: 'user',
  cgroup_ns_id: 'cgroup',
} as const;

/** A process that is not where the dumper was. Time namespaces are made at restore in any case. */
function unsupportedNamespaces(set: ImageSet): Problem[] {
  const roots = set.get(IMAGES.INVENTORY)?.root_ids;
  if (!roots) return [];
  const problems: Problem[] = [];
  for (const { pid } of set.many(IMAGES.PSTREE)) {
    const own = set.get(IMAGES.IDS, pid) ?? set.get(IMAGES.CORE, pid)?.ids;
    if (!own) continue;
    const file = imageName(IMAGES.IDS, pid);
    for (const [field, name] of Object.entries(NAMESPACES)) {
      const key = field as keyof typeof NAMESPACES;
      if (own[key] === undefined || own[key] === roots[key]) continue;
      problems.push({
        file,
        what: `says that ${pid} has a ${name} namespace of its own, ${LATER}`,
      });
    }
  }
  return problems;
}

function unsupportedFiles(set: ImageSet, types: ReadonlySet<number>): Problem[] {
  const anonymous = new Set(
    set
      .many(IMAGES.MEMFD_INODE)
      .filter(({ name }) => name === ANONYMOUS_SHARED)
      .map(({ inode_id }) => inode_id),
  );
  return set.many(IMAGES.FILES).flatMap(({ id, type, memfd }) => {
    if (types.has(type) || (memfd && anonymous.has(memfd.inode_id))) return [];
    const name = FILE_NAMES[type] ?? `a file of type ${type}`;
    const file = imageName(IMAGES.FILES, undefined);
    return [{ file, what: `has ${name} (id ${id}), ${LATER}` }];
  });
}

function unsupportedImages(set: ImageSet, further: Iterable<Image>): Problem[] {
  const known = new Set([...READ, ...further].map(({ key }) => key));
  return set.files().flatMap(({ image, id, entries }) => {
    if (known.has(image.key) || entries.length === 0) return [];
    const what = OLD.has(image.key)
      ? 'is of a checkpoint that is too old for woodfrog'
      : `is an image of what woodfrog cannot restore yet (${image.key})`;
    return [{ file: imageName(image, id), what }];
  });
}

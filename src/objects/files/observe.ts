/**
 * Everything about a frozen tree's open files that can be asked from outside: each process's table, each description
 * once however many descriptors share it, mapped files, executables, directories. What cannot be saved is noted, not
 * thrown, so that a report can name it all.
 */
import type { ProcessView } from '../../checkpoint/views.js';
import { errnoName } from '../../linux/errno.js';
import { parseFdLink } from '../../linux/procfs/fd-link.js';
import { type Fdinfo, parseFdinfo } from '../../linux/procfs/fdinfo.js';
import type { FileLock } from '../../linux/procfs/locks.js';
import { O_CLOEXEC, O_PATH } from '../../linux/uapi/fcntl.js';
import { PROT_EXEC } from '../../linux/uapi/mman.js';
import { KCMP_FILE } from '../../linux/uapi/sched.js';
import { CheckpointError, gone, unsupported } from '../../support/errors.js';
import type { DescriptionView, FileKind, NamedFile, TreeFiles } from '../kinds.js';
import type { DumpPort } from '../ports.js';
import { describeSocket, observeObstacle } from './description.js';
import { evadeName } from './devices.js';
import {
  canBeExternal,
  externalFile,
  isDriverFile,
  isExternalFile,
  offerExternal,
} from './external.js';
import { Holders } from './holders.js';
import { FILE_KINDS } from './index.js';
import { findOutsiders, isOfDescription, type LockedDescription, parseHeldLocks } from './locks.js';
import { type MemfdSeen, mappedMemfdKey, observeMappedMemfds } from './memfd-inodes.js';
import { Namer } from './named.js';
import { type FownEntry, observeOwner } from './owner.js';
import { statOfGone } from './proc-names.js';
import { Recognizer } from './recognize.js';
import { REFUSED_KINDS, type RefusedKind, refusalOf } from './refusals.js';
import { mappedKey } from './registry.js';
import { regularFile } from './regular.js';
import { kcmpOrder, OrderedSet, observeSharing, type Sharing } from './sharing.js';

export interface ObservedDescription {
  view: DescriptionView;
  /** Undefined: refused. */
  kind: FileKind | undefined;
  /** Why it cannot be saved. */
  obstacle: CheckpointError | undefined;
  /** What the kind observed. */
  seen: unknown;
  /** Who gets signals about it; its pid is one of ours. */
  owner: FownEntry | undefined;
}

export interface Descriptor {
  fd: number;
  cloexec: boolean;
  description: ObservedDescription;
  /** Held through this descriptor. */
  locks: readonly FileLock[];
}

export interface ProcessFiles extends Sharing {
  process: ProcessView;
  /** Ascending; empty if it shares the table of a process before it. */
  table: Descriptor[];
  exe: NamedFile;
  cwd: NamedFile;
  root: NamedFile;
}

export interface FilesObservation {
  /** Live processes, in the order given. */
  processes: ProcessFiles[];
  descriptions: ObservedDescription[];
  /** By mappedKey. */
  mapped: Map<string, NamedFile>;
  /** Mapped memfds by memfdKey, or why one cannot be saved. */
  memfds?: Map<string, MemfdSeen | CheckpointError>;
}

const kinds = new Recognizer<FileKind>(FILE_KINDS);
const refusedKinds = new Recognizer<RefusedKind>(REFUSED_KINDS);

/** The processes must be frozen: what is read piece by piece belongs together. */
export function observeFiles(port: DumpPort, processes: readonly ProcessView[]): FilesObservation {
  const live = processes.filter(({ state }) => state === 'alive');
  const namer = new Namer(port, new Set<number>(processes.map(({ pid }) => pid)));
  const tables = new Tables(port, namer);
  const sharing = observeSharing(port, live);
  const seen = new Set<number>();
  const observed = live.map((process, i): ProcessFiles => {
    const { task } = process;
    const { ids, ...obstacle } = sharing[i] as Sharing;
    const isFirst = !seen.has(ids.files_id);
    seen.add(ids.files_id);
    return {
      ids,
      ...obstacle,
      process,
      table: isFirst ? tables.observe(process) : [],
      exe: namer.observe(`/proc/${task}/exe`),
      cwd: namer.observe(`/proc/${task}/cwd`),
      root: namer.observe(`/proc/${task}/root`),
    };
  });
  observeGroups(port, tables.descriptions, new Holders(processes, observed));
  if (port.options.fileLocks) refuseSharedLocks(port, observed);
  return {
    processes: observed,
    descriptions: tables.descriptions,
    mapped: observeMapped(namer, live),
    memfds: observeMappedMemfds(port, live),
  };
}

/** What has been read of one descriptor: enough to know its description when it is met again. */
interface Met {
  tid: number;
  fd: number;
  description: ObservedDescription | undefined;
}

/**
 * What two descriptors of one description have in common, whatever others do to it meanwhile: the inode and its mount;
 * of anonymous ones, which share one inode, also the kind, and the number of an eventfd.
 */
function alikeKey(fdinfo: Fdinfo, target: string): string {
  const { mnt_id, ino } = fdinfo;
  if (ino === undefined) return `${mnt_id} ${target}`;
  if (!target.startsWith('anon_inode:')) return `${mnt_id} ${ino}`;
  const number = fdinfo.has('eventfd-id') ? fdinfo.dec('eventfd-id') : '';
  return `${mnt_id} ${ino} ${target} ${number}`;
}

class Tables {
  readonly descriptions: ObservedDescription[] = [];
  private readonly port: DumpPort;
  private readonly namer: Namer;
  /** Descriptions that may be one, by `alikeKey`. */
  private readonly alike = new Map<string, OrderedSet<Met>>();

  constructor(port: DumpPort, namer: Namer) {
    this.port = port;
    this.namer = namer;
  }

  observe(process: ProcessView): Descriptor[] {
    const tid = process.task;
    const folder = `/proc/${tid}`;
    const numbers = this.port.readDir(`${folder}/fd`).map(Number);
    return numbers
      .sort((a, b) => a - b)
      .map((fd) => {
        const fdinfo = parseFdinfo(this.port.readText(`${folder}/fdinfo/${fd}`));
        const cloexec = (fdinfo.flags & O_CLOEXEC) !== 0;
        const description = this.describe({ process, tid, folder, fd, fdinfo });
        const locks = fdinfo.has('lock') ? parseHeldLocks(fdinfo.all('lock')) : [];
        return { fd, cloexec, description, locks };
      });
  }

  private describe(at: Place): ObservedDescription {
    const { tid, folder, fd, fdinfo } = at;
    const target = this.port.readLink(`${folder}/fd/${fd}`);
    const key = alikeKey(fdinfo, target);
    let alike = this.alike.get(key);
    if (alike === undefined) {
      alike = new OrderedSet((a, b) =>
        kcmpOrder(this.port, KCMP_FILE, [a.tid, a.fd], [b.tid, b.fd]),
      );
      this.alike.set(key, alike);
    }
    const met = alike.findOrAdd({ tid, fd, description: undefined });
    met.description ??= this.look(at, target);
    return met.description;
  }

  private look({ process, folder, fd, fdinfo }: Place, target: string): ObservedDescription {
    const { port } = this;
    const via = `${folder}/fd/${fd}`;
    const link = parseFdLink(target);
    const found = port.attemptStat(via);
    const stat = typeof found === 'number' ? statOfGone(found, { link, fdinfo }) : found;
    if (!stat) throw gone(`stat of '${via}': ${errnoName(-Number(found))}`);
    const view: DescriptionView = { process, fd, target, link, fdinfo, stat };
    // What is only a path has nothing of its kind but the name.
    const isPath = (fdinfo.flags & O_PATH) !== 0 && link.kind === 'path';
    const claimed = isPath ? regularFile : kinds.find(view);
    const isExternal = !claimed?.isDevice && isExternalFile(view, port.options.external);
    const kind = isExternal ? (claimed ?? regularFile) : claimed;
    if (isExternal) view.named = { name: externalFile(view), stat, isExternal };
    else if (link.kind === 'path' || link.kind === 'unreachable') {
      view.named = kind?.isDevice
        ? { name: link.path, stat }
        : this.named(this.namer.name(target, link, { stat, via }));
    }
    const nothing = { obstacle: undefined, seen: undefined, owner: undefined };
    const description: ObservedDescription = { view, kind, ...nothing };
    description.obstacle = this.obstacle(view, kind);
    // A path has no owner: EBADF.
    if (kind !== undefined && (fdinfo.flags & O_PATH) === 0) {
      description.owner = observeOwner(port, process.task, fd);
    }
    this.descriptions.push(description);
    return description;
  }

  private named(named: NamedFile): NamedFile {
    return this.port.options.evasiveDevices ? evadeName(this.port, named) : named;
  }

  private obstacle(view: DescriptionView, kind: FileKind | undefined): CheckpointError | undefined {
    const { named } = view;
    if (named?.isExternal && isDriverFile(view)) return this.secondOfDevice(named.name);
    const obstacle = kind
      ? (named?.obstacle ?? observeObstacle(view))
      : refusalOf(refusedKinds.find(view), view, describeSocket(this.port, view));
    return obstacle && canBeExternal(view) ? offerExternal(obstacle, externalFile(view)) : obstacle;
  }

  private readonly externalDevices = new Set<string>();

  /** Each open file of a device may have a state of its own, and all have one name. */
  private secondOfDevice(name: string): CheckpointError | undefined {
    if (this.externalDevices.has(name)) {
      return unsupported(`'${name}' is open twice: one descriptor cannot stand for both`, {
        remedy: 'close one of them before the checkpoint',
      });
    }
    this.externalDevices.add(name);
    return undefined;
  }
}

interface Place {
  process: ProcessView;
  tid: number;
  folder: string;
  fd: number;
  fdinfo: Fdinfo;
}

/** Notes locks that somebody outside the tree has, too. */
function refuseSharedLocks(port: DumpPort, processes: readonly ProcessFiles[]): void {
  const locked = new Map<ObservedDescription, LockedDescription>();
  for (const { table } of processes) {
    for (const { description, locks } of table) {
      if (!locks.some(isOfDescription)) continue;
      const { view } = description;
      locked.set(description, { view, task: view.process.task });
    }
  }
  const inside = new Set<number>(processes.map(({ process }) => process.pid));
  const outsiders = findOutsiders(port, [...locked.values()], inside);
  for (const description of locked.keys()) description.obstacle ??= outsiders.get(description.view);
}

/** Lets each kind look at its descriptions, those that belong together at once. */
function observeGroups(
  port: DumpPort,
  descriptions: readonly ObservedDescription[],
  tree: TreeFiles,
): void {
  const groups = new Map<string, ObservedDescription[]>();
  descriptions.forEach((description, i) => {
    const { kind, view, obstacle } = description;
    if (kind?.observe === undefined || obstacle !== undefined) return;
    const key = `${kind.name} ${kind.groupOf?.(view) ?? i}`;
    const group = groups.get(key);
    if (group) group.push(description);
    else groups.set(key, [description]);
  });
  for (const group of groups.values()) {
    const [{ kind }] = group as [ObservedDescription];
    try {
      const seen = kind?.observe?.(
        port,
        group.map(({ view }) => view),
        tree,
      );
      for (const description of group) description.seen = seen;
    } catch (error) {
      if (!(error instanceof CheckpointError) || error.code === 'gone') throw error;
      for (const description of group) description.obstacle = error;
    }
  }
}

/** Each mapped file once, however many mappings and tasks have it. */
function observeMapped(namer: Namer, processes: readonly ProcessView[]): Map<string, NamedFile> {
  const executable = new Set<string>();
  for (const { mappings } of processes) {
    for (const mapping of mappings) {
      if ((mapping.prot & PROT_EXEC) !== 0) executable.add(mappedKey(mapping));
    }
  }
  const files = new Map<string, NamedFile>();
  for (const { task, mappings } of processes) {
    for (const mapping of mappings) {
      const { path, deleted, start, end, major, minor, inode } = mapping;
      if (!path?.startsWith('/') || mappedMemfdKey(mapping) !== undefined) continue;
      const key = mappedKey(mapping);
      if (files.has(key)) continue;
      const via = `/proc/${task}/map_files/${start.toString(16)}-${end.toString(16)}`;
      const device = { major, minor };
      const isExecutable = executable.has(key);
      const named = namer.mapped({ path, deleted, via, device, inode, executable: isExecutable });
      if (named) files.set(key, named);
    }
  }
  return files;
}

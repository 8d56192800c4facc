/** Open files: files.img, the descriptor tables and directories that refer to it, and what pipes hold. */
import { IMAGES } from '../images/catalogue.js';
import { imageName } from '../images/image.js';
import { fd_types, type file_entry } from '../images/messages/fdinfo.js';
import { enumName, type MessageValue } from '../images/schema.js';
import { FD_CLOEXEC } from '../linux/uapi/fcntl.js';
import { type Inspection, type Part, type Report, repeated, type Where } from './problems.js';
import type { TreeProcess } from './verify-tree.js';

export type FileEntry = MessageValue<typeof file_entry>;
/** files.img by id. */
export type FileIndex = ReadonlyMap<number, FileEntry>;

type UnionField = Exclude<keyof FileEntry, 'type' | 'id' | symbol>;

/** Which field of file_entry holds an entry of each type. */
const UNION_FIELDS: Readonly<Record<number, UnionField>> = {
  [fd_types.REG]: 'reg',
  [fd_types.PIPE]: 'pipe',
  [fd_types.FIFO]: 'fifo',
  [fd_types.INETSK]: 'isk',
  [fd_types.UNIXSK]: 'usk',
  [fd_types.EVENTFD]: 'efd',
  [fd_types.EVENTPOLL]: 'epfd',
  [fd_types.INOTIFY]: 'ify',
  [fd_types.SIGNALFD]: 'sgfd',
  [fd_types.PACKETSK]: 'psk',
  [fd_types.TTY]: 'tty',
  [fd_types.FANOTIFY]: 'ffy',
  [fd_types.NETLINKSK]: 'nlsk',
  [fd_types.NS]: 'nsf',
  [fd_types.TUNF]: 'tunf',
  [fd_types.EXT]: 'ext',
  [fd_types.TIMERFD]: 'tfd',
  [fd_types.MEMFD]: 'memfd',
  [fd_types.BPFMAP]: 'bpf',
  [fd_types.PIDFD]: 'pidfd',
};

export const fileTypeName = (type: number): string => enumName(fd_types, type) ?? `type ${type}`;
const FILES = imageName(IMAGES.FILES, undefined);

/** The open files by id; repeated ids are reported, and the first entry stands. */
export function indexFiles(inspection: Inspection): FileIndex {
  const report = inspection.in(FILES);
  const index = new Map<number, FileEntry>();
  for (const entry of inspection.set.many(IMAGES.FILES)) {
    if (index.has(entry.id)) report(partOf(entry), 'is there more than once');
    else index.set(entry.id, entry);
  }
  return index;
}

/** A file of files.img, as a part of it. */
export const partOf = (value: FileEntry): Part => ({ name: `file ${value.id}`, value });

interface Facts {
  tree: readonly TreeProcess[];
  files: FileIndex;
}

export function verifyFiles(inspection: Inspection, { tree, files }: Facts): void {
  const report = inspection.in(FILES);
  for (const entry of files.values()) verifyEntry(entry, files, report);
  const tables = new Set(tree.flatMap(({ ids }) => (ids ? [ids.files_id] : [])));
  for (const id of tables) verifyTable(inspection, id, files);
  for (const { pid, isZombie } of tree) if (!isZombie) verifyDirectories(inspection, pid, files);
  verifyQueues(inspection, files);
}

function verifyEntry(entry: FileEntry, files: FileIndex, report: Report): void {
  const name = partOf(entry);
  const wanted = UNION_FIELDS[entry.type];
  if (wanted === undefined) {
    report(name, `is of ${fileTypeName(entry.type)}, which files.img cannot hold`);
    return;
  }
  const present = Object.values(UNION_FIELDS).filter((field) => entry[field] !== undefined);
  if (present.length !== 1 || present[0] !== wanted) {
    const found =
      present.length === 0 ? 'nothing' : present.map((field) => `'${field}'`).join(', ');
    report(name, `is a ${fileTypeName(entry.type)}: it should hold '${wanted}' and holds ${found}`);
    return;
  }
  const inner = entry[wanted]?.id;
  if (inner !== entry.id) report(name, `says in '${wanted}' that it is file ${inner}`);
  if (entry.reg) verifyName(name, entry.reg, report);
  const regfId = entry.fifo?.regf_id;
  if (regfId !== undefined) {
    verifyReference({ name, what: 'its path', id: regfId, types: [fd_types.REG] }, files, report);
  }
}

function verifyName(
  entry: Part,
  { name, ext }: NonNullable<FileEntry['reg']>,
  report: Report,
): void {
  // The name of an external file is a label, for the options of the restore.
  if (!ext && !name.startsWith('/')) report(entry, `has the path '${name}', which is not absolute`);
  if (name.includes('\0')) report(entry, 'has a path with a NUL in it');
}

/** `id` must be that of a file of one of these types. */
export function verifyReference(
  { name, what, id, types }: { name: Where; what: string; id: number; types?: readonly number[] },
  files: FileIndex,
  report: Report,
): void {
  const file = files.get(id);
  if (!file) {
    report(name, `refers for ${what} to file ${id}, which files.img does not hold`);
  } else if (types && !types.includes(file.type)) {
    const wanted = types.map(fileTypeName).join(' or ');
    report(name, `refers for ${what} to file ${id}: a ${fileTypeName(file.type)}, not ${wanted}`);
  }
}

function verifyTable(inspection: Inspection, id: number, files: FileIndex): void {
  const report = inspection.in(imageName(IMAGES.FDINFO, id));
  const entries = inspection.set.many(IMAGES.FDINFO, id);
  for (const value of repeated(entries, ({ fd }) => fd)) {
    report({ name: `descriptor ${value.fd}`, value }, 'is there more than once');
  }
  for (const value of entries) {
    const { fd, id: fileId, type, flags } = value;
    const name = { name: `descriptor ${fd}`, value };
    const file = files.get(fileId);
    if (!file) report(name, `refers to file ${fileId}, which files.img does not hold`);
    else if (file.type !== type) {
      const [seen, held] = [fileTypeName(type), fileTypeName(file.type)];
      report(name, `refers to file ${fileId} as a ${seen}; it is a ${held}`);
    }
    if ((flags & ~FD_CLOEXEC) !== 0)
      report(name, `has the flags 0x${flags.toString(16)}, not all of which are known`);
  }
}

function verifyDirectories(inspection: Inspection, pid: number, files: FileIndex): void {
  const fs = inspection.set.get(IMAGES.FS, pid);
  if (!fs) return;
  const report = inspection.in(imageName(IMAGES.FS, pid));
  const types = [fd_types.REG];
  const { cwd_id, root_id, umask = 0 } = fs;
  verifyReference({ name: 'cwd_id', what: 'the directory', id: cwd_id, types }, files, report);
  verifyReference({ name: 'root_id', what: 'the directory', id: root_id, types }, files, report);
  if (umask > 0o777) report('umask', `is 0${umask.toString(8)}, which no kernel allows`);
}

/** What is queued belongs to a pipe that somebody has open, and comes once for each. */
function verifyQueues(inspection: Inspection, files: FileIndex): void {
  const pipes = new Set<number>();
  const fifos = new Set<number>();
  for (const { pipe, fifo } of files.values()) {
    if (pipe) pipes.add(pipe.pipe_id);
    if (fifo) fifos.add(fifo.pipe_id);
  }
  for (const [image, open, kind] of [
    [IMAGES.PIPES_DATA, pipes, 'pipe'],
    [IMAGES.FIFO_DATA, fifos, 'FIFO'],
  ] as const) {
    const report = inspection.in(imageName(image, undefined));
    const queues = inspection.set.many(image);
    for (const value of repeated(queues, ({ pipe_id }) => pipe_id)) {
      report({ name: `${kind} ${value.pipe_id}`, value }, 'is there more than once');
    }
    for (const value of queues) {
      const { pipe_id, bytes, size } = value;
      const name = { name: `${kind} ${pipe_id}`, value };
      if (!open.has(pipe_id)) report(name, `holds data of a ${kind} that files.img does not have`);
      if (size !== undefined && bytes > size) {
        report(name, `holds ${bytes} bytes; there is room for ${size}`);
      }
    }
  }
}

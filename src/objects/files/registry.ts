/** The ids of a checkpoint's open files, and files.img as it grows. Ids count from 1 over the whole tree. */
import { fd_types, type file_entry } from '../../images/messages/fdinfo.js';
import type { fown_entry } from '../../images/messages/fown.js';
import type { MessageValue } from '../../images/schema.js';
import type { Mapping } from '../../linux/procfs/maps.js';
import { O_ACCMODE, O_APPEND, O_WRONLY, S_IFCHR, S_IFREG } from '../../linux/uapi/fcntl.js';
import { toNumber } from '../../support/bytes.js';
import { CheckpointError, unsupported } from '../../support/errors.js';
import type { DescriptionView, FileIds, NamedFile } from '../kinds.js';
import { DEFAULT_OBJECT_OPTIONS, type ObjectOptions } from '../options.js';
import type { FileStat } from '../ports.js';
import type { RegFileEntry } from '../rebuild-context.js';
import { rdevEntry } from './devices.js';
import { MemfdInodes, type MemfdSeen, mappedMemfdKey } from './memfd-inodes.js';
import { toType } from './named.js';
import type { FownEntry } from './owner.js';
import { RemapSet } from './remaps.js';

export type FileEntry = MessageValue<typeof file_entry>;

/** No owner, no signal: other ones are refused. */
export const noOwner = (): MessageValue<typeof fown_entry> => ({
  uid: 0,
  euid: 0,
  signum: 0,
  pid_type: 0,
  pid: 0,
});

/** Tells mappings of different files apart. */
export const mappedKey = ({ major, minor, inode, path, deleted }: Mapping): string =>
  `${major}:${minor}:${inode}:${deleted ? 1 : 0}:${path}`;

const pathKey = ({ name, stat }: NamedFile): string => `${stat.dev}:${stat.ino}:${name}`;

const hasOwner = (entry: unknown): entry is object => 'fown' in (entry as object);

const MAX_U32 = 0xffff_ffff;

export class FileRegistry implements FileIds {
  /** files.img, in order. */
  readonly entries: FileEntry[] = [];
  private readonly mappedFiles: ReadonlyMap<string, NamedFile>;
  private readonly mappedMemfds: ReadonlyMap<string, MemfdSeen | CheckpointError>;
  readonly memfds = new MemfdInodes();
  /** Known of the files that are mapped as programs. */
  private readonly buildIds = new Map<string, readonly number[]>();
  private readonly descriptionIds = new Map<DescriptionView, number>();
  private readonly paths = new Map<string, number>();
  private readonly pipeIds = new Map<string, number>();
  private readonly terminalIds = new Map<string, number>();
  private readonly takenPipeIds = new Set<number>();
  private last = 0;
  /** What stands for names that are gone. */
  readonly remaps: RemapSet;

  /** What observeFiles found: `mappedFiles` by mappedKey, `mappedMemfds` by memfdKey. */
  constructor(
    mappedFiles: ReadonlyMap<string, NamedFile> = new Map(),
    mappedMemfds: ReadonlyMap<string, MemfdSeen | CheckpointError> = new Map(),
    options: ObjectOptions = DEFAULT_OBJECT_OPTIONS,
  ) {
    this.mappedFiles = mappedFiles;
    this.mappedMemfds = mappedMemfds;
    this.remaps = new RemapSet((nameOf) => this.addName(nameOf), options);
    for (const named of mappedFiles.values()) {
      if (named.buildId) this.buildIds.set(pathKey(named), named.buildId);
    }
  }

  newFileId(): number {
    return ++this.last;
  }

  idOf(description: DescriptionView): number {
    const known = this.descriptionIds.get(description);
    if (known !== undefined) return known;
    const id = this.newFileId();
    this.descriptionIds.set(description, id);
    return id;
  }

  add(entry: FileEntry): void {
    this.entries.push(entry);
  }

  addNamed(
    named: NamedFile,
    { flags, pos, id = this.newFileId() }: { flags: number; pos: bigint; id?: number },
  ): number {
    const reg = this.regEntry(named, { id, flags, pos });
    this.add({ type: fd_types.REG, id, reg });
    return id;
  }

  regEntry(named: NamedFile, at: { id: number; flags: number; pos: bigint }): RegFileEntry {
    const entry = regEntry(named, at);
    if (named.remap) this.remaps.add(named.remap, entry);
    return entry;
  }

  /** Notes the owner in the entry of a description, or in that of its path when it has no place of its own (FIFOs). */
  setOwner(entry: unknown, fown: FownEntry): void {
    const { regf_id } = entry as { regf_id?: number };
    const path = this.entries.find(({ id }) => id === regf_id)?.reg;
    Object.assign(hasOwner(entry) ? entry : (path ?? {}), { fown });
  }

  /** An entry that is only a name. */
  private addName(nameOf: (id: number) => string): RegFileEntry {
    const id = this.newFileId();
    const reg = { id, flags: 0, pos: 0n, fown: noOwner(), name: nameOf(id), build_id: [] };
    this.add({ type: fd_types.REG, id, reg });
    return reg;
  }

  /** The id of a file with a path that is needed for itself: all such uses of one file share an entry, with flags 0. */
  path(named: NamedFile): number {
    const key = pathKey(named);
    const known = this.paths.get(key);
    if (known !== undefined) return known;
    const buildId = this.buildIds.get(key);
    const id = this.addNamed(buildId ? { ...named, buildId } : named, { flags: 0, pos: 0n });
    this.paths.set(key, id);
    return id;
  }

  /** The id of a mapped file. Throws unsupported(...) for one that cannot be opened again: deleted, replaced. */
  mapped(mapping: Mapping): number {
    const memfd = this.mappedMemfds.get(mappedMemfdKey(mapping) ?? '');
    if (memfd) return this.mappedMemfd(memfd);
    const named = this.mappedFiles.get(mappedKey(mapping));
    if (named === undefined) {
      throw unsupported(`the mapped file '${mapping.name}' cannot be found by its name`);
    }
    if (toType(named.stat) !== S_IFREG && !isZeroDevice(named.stat)) {
      throw unsupported(`'${named.name}' is a device: mappings of devices are not saved yet`, {
        remedy: 'unmap it before the checkpoint',
      });
    }
    return this.path(named);
  }

  memfdInode(seen: MemfdSeen): number {
    return this.memfds.idOf(seen);
  }

  private mappedMemfd(seen: MemfdSeen | CheckpointError): number {
    if (seen instanceof CheckpointError) throw anew(seen);
    return this.memfds.mappedFileId(seen, (inode_id) => {
      const id = this.newFileId();
      const memfd = { id, flags: 0, pos: 0n, fown: noOwner(), inode_id };
      this.add({ type: fd_types.MEMFD, id, memfd });
      return id;
    });
  }

  terminalId(key: string, wanted: number): number {
    const known = this.terminalIds.get(key);
    if (known !== undefined) return known;
    const taken = new Set(this.terminalIds.values());
    let id = wanted;
    while (taken.has(id)) id++;
    this.terminalIds.set(key, id);
    return id;
  }

  pipeId(key: string, inode: bigint): number {
    const known = this.pipeIds.get(key);
    if (known !== undefined) return known;
    const fits = inode > 0n && inode <= BigInt(MAX_U32);
    let id = fits ? toNumber(inode) : MAX_U32;
    for (let free = MAX_U32; this.takenPipeIds.has(id); free--) id = free;
    this.takenPipeIds.add(id);
    this.pipeIds.set(key, id);
    return id;
  }
}

/** /dev/zero, 1:5. */
const isZeroDevice = (stat: FileStat): boolean => toType(stat) === S_IFCHR && stat.rdev === 0x105n;

/** The same error for another place: each use of an object that cannot be saved gets its own context. */
export const anew = ({ code, what, remedy, context }: CheckpointError): CheckpointError =>
  new CheckpointError({ code, what, ...(remedy !== undefined && { remedy }), ...context });

/** The reg_file_entry of a file with a path; throws its obstacle. */
function regEntry(
  { name, stat, buildId, obstacle, isExternal }: NamedFile,
  { id, flags, pos }: { id: number; flags: number; pos: bigint },
): RegFileEntry {
  if (obstacle) throw anew(obstacle);
  // What is only appended to may have grown by the time of the restore: its writers do not mind.
  const onlyGrows = (flags & O_ACCMODE) === O_WRONLY && (flags & O_APPEND) !== 0;
  const hasSize = toType(stat) === S_IFREG && !onlyGrows;
  return {
    id,
    flags,
    pos: BigInt.asUintN(64, pos),
    fown: noOwner(),
    name,
    ...(hasSize && { size: stat.size }),
    ...(isExternal && { ext: true }),
    mode: stat.mode,
    build_id: [...(buildId ?? [])],
    ...rdevEntry(name, stat),
  };
}

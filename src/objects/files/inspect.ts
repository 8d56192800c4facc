/** From what was observed to image entries: pure. Refuses what cannot be saved, by task, descriptor and name. */
import type { ProcessView } from '../../checkpoint/views.js';
import { IMAGES } from '../../images/catalogue.js';
import type { ImageSet } from '../../images/directory.js';
import type { fdinfo_entry } from '../../images/messages/fdinfo.js';
import type { fs_entry } from '../../images/messages/fs.js';
import type { MessageValue } from '../../images/schema.js';
import type { FileLock } from '../../linux/procfs/locks.js';
import { FD_CLOEXEC } from '../../linux/uapi/fcntl.js';
import type { TableIds } from '../../plan/shared-tables.js';
import { CheckpointError, type ErrorContext } from '../../support/errors.js';
import type { NamedFile, ResourceEntry } from '../kinds.js';
import type { ObjectOptions } from '../options.js';
import { type FileLockEntry, isOfDescription, lockEntry } from './locks.js';
import type { FilesObservation, ObservedDescription, ProcessFiles } from './observe.js';
import { OwnersInside } from './owner.js';
import { anew, type FileEntry, FileRegistry } from './registry.js';

export type FdinfoEntry = MessageValue<typeof fdinfo_entry>;
export type FsEntry = MessageValue<typeof fs_entry>;

export interface InspectedProcess {
  process: ProcessView;
  /** For ids-PID.img, and the number of its fdinfo image. */
  ids: TableIds;
  fdinfo: FdinfoEntry[];
  fs: FsEntry;
  exe_file_id: number;
}

export interface InspectedFiles {
  processes: InspectedProcess[];
  /** Entries of other images: queues of pipes. */
  resources: ResourceEntry[];
  locks: FileLockEntry[];
  /** files.img: complete once mappings, too, have got their ids. */
  registry: FileRegistry;
}

export interface InspectOptions {
  /** What the user allows. */
  options?: ObjectOptions;
  /** Ids for mappings come from the same registry, before or after. */
  registry?: FileRegistry;
  /** Is told of each thing that cannot be saved. Throws it, unless a report is wanted. */
  refuse?: (error: CheckpointError) => void;
}

const throwIt = (error: CheckpointError): never => {
  throw error;
};

/** Pure. */
export function inspectFiles(
  observation: FilesObservation,
  {
    options,
    registry = new FileRegistry(observation.mapped, observation.memfds, options),
    refuse = throwIt,
  }: InspectOptions = {},
): InspectedFiles {
  const inspector = new Inspector(registry, refuse, {
    owners: new OwnersInside(observation.processes.map(({ process }) => process)),
    fileLocks: options?.fileLocks ?? false,
  });
  return {
    processes: observation.processes.map((process) => inspector.process(process)),
    resources: [...inspector.resources.values()],
    locks: inspector.locks,
    registry,
  };
}

class Inspector {
  readonly resources = new Map<string, ResourceEntry>();
  readonly locks: FileLockEntry[] = [];
  private readonly registry: FileRegistry;
  private readonly refuse: (error: CheckpointError) => void;
  private readonly means: { owners: OwnersInside; fileLocks: boolean };
  /** Undefined: refused already. */
  private readonly ids = new Map<ObservedDescription, number | undefined>();

  constructor(
    registry: FileRegistry,
    refuse: (error: CheckpointError) => void,
    means: { owners: OwnersInside; fileLocks: boolean },
  ) {
    this.registry = registry;
    this.refuse = refuse;
    this.means = means;
  }

  process({ process, ids, obstacle, table, exe, cwd, root }: ProcessFiles): InspectedProcess {
    const { pid, comm } = process;
    const at = { pid, comm };
    if (obstacle) this.attempt({ ...at, object: 'process' }, () => throwIt(anew(obstacle)));
    const exe_file_id = this.named(exe, { ...at, object: 'executable' });
    const fdinfo: FdinfoEntry[] = [];
    for (const { fd, cloexec, description, locks } of table) {
      const id = this.description(description, { ...at, fd });
      const type = description.kind?.fdType;
      if (id === undefined || type === undefined) continue;
      fdinfo.push({ id, flags: cloexec ? FD_CLOEXEC : 0, type, fd });
      const object = description.kind?.name ?? 'descriptor';
      this.attempt({ ...at, fd, object }, () => this.addLocks(locks, { process, description, fd }));
    }
    const fs: FsEntry = {
      cwd_id: this.directory(cwd, { ...at, object: 'working directory (cwd)' }),
      root_id: this.directory(root, { ...at, object: 'root directory' }),
      umask: process.status.Umask ?? 0,
    };
    return { process, ids, fdinfo, fs, exe_file_id };
  }

  private named(file: NamedFile, context: ErrorContext): number {
    return this.attempt(context, () => this.registry.path(file)) ?? 0;
  }

  private directory(file: NamedFile, context: ErrorContext): number {
    return this.attempt(context, () => this.registry.addNamed(file, { flags: 0, pos: 0n })) ?? 0;
  }

  private description(observed: ObservedDescription, context: ErrorContext): number | undefined {
    if (this.ids.has(observed)) return this.ids.get(observed);
    const object = observed.kind?.name;
    const id = this.attempt(object ? { ...context, object } : context, () => this.entry(observed));
    this.ids.set(observed, id);
    return id;
  }

  private readonly known = new Set<string>();

  /** Each lock once: of its description, or of the table, in which duplicates of a descriptor show it, too. */
  private addLocks(
    locks: readonly FileLock[],
    at: { process: ProcessView; description: ObservedDescription; fd: number },
  ): void {
    const id = this.ids.get(at.description);
    for (const lock of locks) {
      const { kind, access, start, end } = lock;
      const table = isOfDescription(lock) ? '' : at.process.vpid;
      const key = [id, table, kind, access, start, end].join(' ');
      if (this.known.has(key)) continue;
      this.known.add(key);
      const { vpid } = at.process;
      this.locks.push(lockEntry(lock, { vpid, fd: at.fd, allowed: this.means.fileLocks }));
    }
  }

  private entry({ view, kind, obstacle, seen, owner }: ObservedDescription): number | undefined {
    if (obstacle) throw anew(obstacle);
    if (!kind) return undefined;
    const { registry } = this;
    const id = registry.idOf(view);
    const inspected = kind.inspect({ id, description: view, seen, ids: registry });
    if (owner) registry.setOwner(inspected.entry, this.means.owners.inside(owner));
    const entry: FileEntry = { type: kind.fdType, id };
    registry.add(Object.assign(entry, { [kind.unionField]: inspected.entry }));
    for (const resource of inspected.resources ?? []) {
      this.resources.set(`${resource.image.key} ${resource.key}`, resource);
    }
    return id;
  }

  private attempt<T>(context: ErrorContext, inspect: () => T): T | undefined {
    try {
      return inspect();
    } catch (error) {
      if (!(error instanceof CheckpointError)) throw error;
      error.addContext(context);
      this.refuse(error);
      return undefined;
    }
  }
}

/** Puts the entries into the images: files, what stands for lost names, fdinfo, fs, queues. Last, when the registry is complete. */
export function addFiles(
  images: ImageSet,
  { processes, resources, locks, registry }: InspectedFiles,
): void {
  for (const entry of registry.entries) images.add(IMAGES.FILES, entry);
  for (const entry of registry.remaps.inOrder()) images.add(IMAGES.REMAP_FPATH, entry);
  registry.remaps.ghosts.forEach(({ entry, whole, chunks }, i) => {
    const payload = { blocks: whole ? { extra: whole } : {}, records: chunks };
    images.putWith(IMAGES.GHOST_FILE, { value: entry, payload }, i + 1);
  });
  for (const lock of locks) images.add(IMAGES.FILE_LOCKS, lock);
  for (const inode of registry.memfds.entries()) images.add(IMAGES.MEMFD_INODE, inode);
  for (const { process, ids, fdinfo, fs } of processes) {
    // Of those who share a table the first has its entries.
    images.declare(IMAGES.FDINFO, ids.files_id);
    for (const entry of fdinfo) images.add(IMAGES.FDINFO, ids.files_id, entry);
    images.put(IMAGES.FS, process.vpid, fs);
  }
  for (const { image, value, payload, blocks = payload && { extra: payload } } of resources) {
    images.addWith(image, { value, ...(blocks && { payload: { blocks, records: [] } }) });
  }
}

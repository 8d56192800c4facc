/** files.img as a restore knows it: descriptions by their id, and how this host differs from what they were. */
import { IMAGES } from '../../images/catalogue.js';
import { fd_types, type fdinfo_entry } from '../../images/messages/fdinfo.js';
import { enumName, type MessageValue } from '../../images/schema.js';
import { FASYNC, O_PATH } from '../../linux/uapi/fcntl.js';
import { external, imageError, unsupported, within } from '../../support/errors.js';
import type { FileKind } from '../kinds.js';
import type { ProcessRebuild, RebuildInputs, RegFileEntry } from '../rebuild-context.js';
import { evadeEntry } from './devices.js';
import { HandedIns } from './handed-in.js';
import { handedInKind } from './handed-in-kinds.js';
import { FILE_KINDS } from './index.js';
import type { Readiness } from './late-steps.js';
import { surveyNamed } from './open-named.js';
import type { FownEntry } from './owner.js';
import { RebuildRemaps } from './rebuild-remaps.js';
import type { FileEntry } from './registry.js';
import { isOpenedByName } from './tty/terminals.js';

export type FdinfoEntry = MessageValue<typeof fdinfo_entry>;

/** A description as a restore knows it. */
export interface Saved {
  id: number;
  kind: FileKind;
  entry: unknown;
}

/** What entries of most kinds have. */
interface Owned {
  fown?: FownEntry;
  flags?: number;
  regf_id?: number;
}

export class SavedFiles {
  private readonly byId: ReadonlyMap<number, FileEntry>;
  private readonly images: RebuildInputs['images'];
  private readonly kinds = new Map(FILE_KINDS.map((kind) => [kind.fdType, kind]));

  /** What stands for names that are gone. */
  readonly remaps: RebuildRemaps;
  /** What stands for open files. */
  readonly handedIns: HandedIns;

  constructor(context: RebuildInputs) {
    const { images } = context;
    this.images = images;
    const { port, options } = context;
    this.byId = new Map(
      images.many(IMAGES.FILES).map((entry) => {
        const { id, reg } = entry;
        const isEvasive = options.evasiveDevices && reg !== undefined;
        return [id, isEvasive ? { ...entry, reg: evadeEntry(port, reg) } : entry];
      }),
    );
    this.remaps = new RebuildRemaps(context, (id) => this.named(id));
    this.handedIns = new HandedIns(context, this.byId);
  }

  tableOf(process: ProcessRebuild): FdinfoEntry[] {
    const table = this.images.many(IMAGES.FDINFO, process.ids.files_id);
    for (const { id, fd } of table) {
      within({ pid: process.vpid, comm: process.comm, fd }, () => this.get(id));
    }
    return table;
  }

  /** The description of this id; throws for kinds that are not restored yet. */
  get(id: number): Saved {
    const file = this.entry(id);
    const kind = this.kinds.get(file.type);
    const typeName = enumName(fd_types, file.type) ?? String(file.type);
    if (!kind) throw unsupported(`open files of type ${typeName} are not restored yet`);
    const entry = file[kind.unionField];
    if (entry === undefined) throw broken(`file ${id} has no content for its type ${typeName}`);
    const { regf_id = id } = entry as Owned;
    const handedIn = this.handedIns.get(id) ?? this.handedIns.get(regf_id);
    return {
      id,
      kind: handedIn ? handedInKind(kind, entry, handedIn) : kind,
      entry: quiet(entry),
    };
  }

  named(id: number): RegFileEntry {
    const { type, reg } = this.entry(id);
    if (type === fd_types.REG && reg !== undefined) return quiet(reg);
    const typeName = enumName(fd_types, type) ?? type;
    throw unsupported(`file ${id} is of type ${typeName}, not one with a path`);
  }

  /** Who gets signals about a description, and its flags: its own, or those of its path. */
  readinessOf(id: number): Readiness {
    const { type, ...union } = this.entry(id);
    const kind = this.kinds.get(type);
    const entry = (kind && union[kind.unionField as keyof typeof union]) as Owned | undefined;
    const path = entry?.regf_id === undefined ? undefined : this.entry(entry.regf_id).reg;
    return {
      object: `${kind?.name ?? 'file'} ${id}`,
      owner: entry?.fown ?? path?.fown,
      // Of a regular file it is the mark of a lease, and comes with that.
      flags: type === fd_types.REG ? 0 : (entry?.flags ?? path?.flags ?? 0),
      seek: this.lateSeekOf(id),
    };
  }

  /** The position of a file in /proc: the kernel goes there through all that stands before it. */
  private lateSeekOf(id: number): bigint {
    const { reg } = this.entry(id);
    if (!reg?.name.startsWith('/proc/') || (reg.flags & O_PATH) !== 0) return 0n;
    return this.remaps.goneTaskOf(reg) === undefined ? reg.pos : 0n;
  }

  /** How this host's files differ from the saved ones: descriptors', mappings', directories'. */
  survey(context: RebuildInputs): string[] {
    const { port, options } = context;
    const unopened = this.namesOfTerminals(context);
    return [...this.byId.values()].flatMap((file) => {
      if (unopened.has(file.id)) return [];
      const kind = this.kinds.get(file.type);
      const { reg } = file;
      const handedIn = this.handedIns.get(file.id);
      if (reg?.ext && handedIn) {
        return surveyNamed(reg, port, { ...options, path: `/proc/self/fd/${handedIn.fd}` });
      }
      if (handedIn) return [];
      const entry = reg ? this.remaps.visible(reg) : kind && file[kind.unionField];
      return entry === undefined ? [] : (kind?.survey?.(entry, port, options) ?? []);
    });
  }

  /** Of terminals that are not opened by their names: '/dev/pts/3' may be gone by now, or somebody else's. */
  private namesOfTerminals({ terminals }: RebuildInputs): Set<number> {
    const ids = new Set<number>();
    for (const { tty } of this.byId.values()) {
      if (tty?.regf_id === undefined) continue;
      if (!isOpenedByName(terminals.of(tty.tty_info_id))) ids.add(tty.regf_id);
    }
    return ids;
  }

  private entry(id: number): FileEntry {
    const file = this.byId.get(id);
    if (!file) throw broken(`file ${id} is missing`);
    return file;
  }
}

export const broken = (what: string): Error => imageError(what, { object: 'files.img' });

/** Without O_ASYNC, which open(2) would set and not do: it comes last, with the owner. */
function quiet<T>(entry: T): T {
  const { flags } = entry as Owned;
  if (flags === undefined || (flags & FASYNC) === 0) return entry;
  return { ...entry, flags: flags & ~FASYNC };
}

/** Throws one error that names all differences. */
export function surveyFiles(context: RebuildInputs, saved: SavedFiles): void {
  const different = [...new Set(saved.survey(context))];
  if (different.length === 0) return;
  const count = different.length === 1 ? 'a file is' : `${different.length} files are`;
  throw external(`${count} not as at the checkpoint: ${different.join('; ')}`, {
    object: 'files',
    remedy: 'bring the files back as they were: the program continues in the middle of them',
  });
}

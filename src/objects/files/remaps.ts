/**
 * Files whose name is gone, in the images of a dump: remap-fpath.img says of a file of files.img what stands for it, a
 * ghost's number or the id of a further name. Pure: the further names are decided here and made by link-remap.ts.
 */
import { dirname } from 'node:path';
import type { remap_file_path_entry } from '../../images/messages/remap-file-path.js';
import { remap_type } from '../../images/messages/remap-file-path.js';
import type { MessageValue } from '../../images/schema.js';
import { S_IFDIR, S_IFMT } from '../../linux/uapi/fcntl.js';
import { external } from '../../support/errors.js';
import type { ObjectOptions } from '../options.js';
import type { RegFileEntry } from '../rebuild-context.js';
import type { Ghost, GoneTask, HardLink, Remap } from './ghost.js';

export type RemapEntry = MessageValue<typeof remap_file_path_entry>;

/** A name to make before the images are written. */
export interface FurtherName {
  /** Leads to the file. */
  via: string;
  /** In files.img; its name is this one, or another when that is taken. */
  entry: RegFileEntry;
}

interface Lost {
  entry: RemapEntry;
  /** Of a directory, below the root. */
  depth: number;
}

/** Adds a file that is only a name to files.img. */
type AddName = (nameOf: (id: number) => string) => RegFileEntry;

export class RemapSet {
  /** In the order of their numbers, from 1. */
  readonly ghosts: Ghost[] = [];
  readonly names: FurtherName[] = [];
  private readonly newName: AddName;
  private readonly options: ObjectOptions;
  private readonly known = new Map<string, number>();
  private readonly files: Lost[] = [];

  constructor(newName: AddName, options: ObjectOptions) {
    this.newName = newName;
    this.options = options;
  }

  /** `entry` is a file that `remap` stands for. Throws `external` for what an option would allow. */
  add(remap: Remap, { id, name }: RegFileEntry): void {
    if (remap.kind === 'gone') {
      this.addGone(remap, id);
      return;
    }
    const type = remap.kind === 'ghost' ? remap_type.GHOST : remap_type.LINKED;
    let remap_id = this.known.get(remap.key);
    if (remap_id === undefined) {
      remap_id = remap.kind === 'ghost' ? this.addGhost(remap, name) : this.addName(remap, name);
      this.known.set(remap.key, remap_id);
    }
    const isDirectory = remap.kind === 'ghost' && (remap.entry.mode & S_IFMT) === S_IFDIR;
    const entry = { orig_id: id, remap_id, remap_type: type };
    this.files.push({ entry, depth: isDirectory ? name.split('/').length : Number.MAX_VALUE });
  }

  /** remap-fpath.img: directories come behind what was in them, in the order in which they can be removed. */
  inOrder(): RemapEntry[] {
    return [...this.files].sort((a, b) => b.depth - a.depth).map(({ entry }) => entry);
  }

  /** One entry tells of all files of a process. */
  private addGone({ key, pid }: GoneTask, id: number): void {
    if (this.known.has(key)) return;
    this.known.set(key, pid);
    const entry = { orig_id: id, remap_id: pid, remap_type: remap_type.PROCFS };
    this.files.push({ entry, depth: Number.MAX_VALUE });
  }

  private addGhost(ghost: Ghost, name: string): number {
    const { ghostLimit } = this.options;
    const { storedBytes } = ghost;
    if (storedBytes > ghostLimit) {
      throw external(
        `'${name}' is deleted, and holds ${storedBytes} bytes, which is more than --ghost-limit (${ghostLimit})`,
        { remedy: `allow it by --ghost-limit ${storedBytes}` },
      );
    }
    return this.ghosts.push(ghost);
  }

  private addName({ via }: HardLink, name: string): number {
    if (!this.options.linkRemap) {
      throw external(
        `'${name}' is deleted, and only other hard links to the file are left: --link-remap is needed`,
        {
          remedy: 'let the dump make a name for it beside that one, by --link-remap',
        },
      );
    }
    const folder = dirname(name);
    const entry = this.newName((id) => `${folder === '/' ? '' : folder}/link_remap.${id}`);
    this.names.push({ via, entry });
    return entry.id;
  }
}

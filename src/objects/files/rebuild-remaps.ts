/**
 * Files whose name is gone, in a restore. The first process makes ghosts, and opens the further names of files that
 * still have one; woodfrog fills the ghosts; every task then opens them through a descriptor of the first process.
 */
import { IMAGES } from '../../images/catalogue.js';
import { imageName } from '../../images/image.js';
import { remap_type } from '../../images/messages/remap-file-path.js';
import { ENOENT, errnoName } from '../../linux/errno.js';
import { AT_FDCWD } from '../../linux/syscall.js';
import { close, openat, unlinkat } from '../../linux/syscalls/files.js';
import { pidfdGetfd, pidfdOpen } from '../../linux/syscalls/tasks.js';
import { __O_TMPFILE, O_CLOEXEC, O_PATH, S_IFMT, S_IFREG } from '../../linux/uapi/fcntl.js';
import type { Track } from '../../plan/track.js';
import { defined } from '../../support/assert.js';
import { imageError, refused } from '../../support/errors.js';
import type {
  HostStepPort,
  ProcessRebuild,
  RebuildInputs,
  RegFileEntry,
} from '../rebuild-context.js';
import { fillGhost } from './fill-ghost.js';
import { LostNames } from './lost-names.js';
import { parseProcName } from './proc-names.js';
import type { RemapEntry } from './remaps.js';

/** A file, and what uses it. */
interface Stand {
  remap: RemapEntry;
  users: RegFileEntry[];
}

const GHOST_BIT = 0x8000_0000;

export class RebuildRemaps {
  private readonly context: RebuildInputs;
  private readonly named: (id: number) => RegFileEntry;
  private readonly byFile = new Map<number, RemapEntry>();
  /** Processes that are gone, whose files in /proc are open. */
  private readonly gone = new Set<number>();
  private readonly inside: ReadonlySet<number>;
  /** Descriptors of the first process, by the id of the file. */
  private readonly made = new Map<number, number>();
  private readonly pidfds = new Map<Track, number>();

  /** `named`: the reg_file_entry of an id. */
  constructor(context: RebuildInputs, named: (id: number) => RegFileEntry) {
    this.context = context;
    this.named = named;
    this.inside = new Set(context.images.many(IMAGES.PSTREE).map(({ pid }) => pid));
    for (const entry of context.images.many(IMAGES.REMAP_FPATH)) {
      const remap = typed(entry);
      if (remap.remap_type === remap_type.PROCFS) {
        this.gone.add(remap.remap_id);
        continue;
      }
      this.byFile.set(remap.orig_id, remap);
      if (remap.remap_type === remap_type.GHOST) this.ghostOf(remap);
    }
  }

  /** The process that is gone whose file in /proc this is. */
  goneTaskOf({ name }: RegFileEntry): number | undefined {
    const pid = parseProcName(name)?.pid;
    return pid !== undefined && this.gone.has(pid) ? pid : undefined;
  }

  /**
   * The entry to look for on this host: the file's own, or that of its further name; undefined for ghosts, and for
   * files of tasks that are not there yet.
   */
  visible(entry: RegFileEntry): RegFileEntry | undefined {
    const task = parseProcName(entry.name);
    if (task && (this.inside.has(task.pid) || this.gone.has(task.pid))) return undefined;
    const remap = this.byFile.get(entry.id);
    if (remap === undefined) return entry;
    if (remap.remap_type === remap_type.GHOST) return undefined;
    return { ...entry, name: this.named(remap.remap_id).name };
  }

  /** Whether the name of this file is gone. */
  has(id: number): boolean {
    return this.byFile.has(id);
  }

  get isEmpty(): boolean {
    return this.byFile.size === 0;
  }

  /** Makes all of them, on the first process's track. Once, when its table is clear. */
  make(): void {
    const stands = new Map<string, Stand>();
    for (const remap of this.byFile.values()) {
      const key = `${remap.remap_type} ${remap.remap_id}`;
      const stand = stands.get(key) ?? { remap, users: [] };
      stand.users.push(this.named(remap.orig_id));
      stands.set(key, stand);
    }
    const lost = new LostNames(this.context);
    for (const stand of stands.values()) {
      if (stand.remap.remap_type === remap_type.GHOST) this.makeGhost(lost, stand);
      else this.openFurther(lost, stand);
    }
  }

  /** A temporary descriptor, in the process, that leads to the file whose name is gone; in the stage 'make'. */
  descriptor({ track }: ProcessRebuild, { id, name }: RegFileEntry): number {
    const targetfd = defined(this.made.get(id), `file ${id} is made`);
    const { track: maker, vpid } = this.first;
    if (track === maker) return targetfd;
    const object = `file '${name}'`;
    let pidfd = this.pidfds.get(track);
    if (pidfd === undefined) {
      pidfd = track.newFd(pidfdOpen, { pid: vpid, flags: 0 }, { object });
      this.pidfds.set(track, pidfd);
    }
    return track.newFd(pidfdGetfd, { pidfd, targetfd, flags: 0 }, { object });
  }

  private get first(): ProcessRebuild {
    return defined(this.context.processes[0], 'a tree has a root');
  }

  private ghostOf({ remap_id }: RemapEntry) {
    const [ghost] = this.context.images.entries(IMAGES.GHOST_FILE, remap_id);
    if (ghost) return ghost;
    throw imageError('the image is missing', { object: imageName(IMAGES.GHOST_FILE, remap_id) });
  }

  private makeGhost(lost: LostNames, { remap, users }: Stand): void {
    const { value: entry, payload } = this.ghostOf(remap);
    const { remap_id: id } = remap;
    const { plan } = this.context;
    const { vpid, track } = this.first;
    const names = [...new Set(users.map(({ name }) => name))];
    const { fd, further } =
      names.length === 1 && users.some(isNameless)
        ? { fd: lost.makeNameless(names[0] ?? ''), further: [] }
        : lost.makeGhost(id, entry, names);
    const object = `ghost file ${id}`;
    const run = (port: HostStepPort): void => {
      const ours = port.take(port.pidOf(vpid), fd);
      try {
        fillGhost(port, ours, { entry, payload });
      } finally {
        port.drop(ours);
      }
    };
    plan.host({ stage: 'make', what: `${object} is filled`, run });
    const isRegular = (entry.mode & S_IFMT) === S_IFREG;
    // A file that is open for writing cannot be run.
    const plain = isRegular && further.length === 0 ? pathTo(track, fd, object) : fd;
    if (isRegular) track.at('make').call(close, { fd }, { object });
    for (const user of users) {
      this.made.set(user.id, further[names.indexOf(user.name)] ?? plain);
    }
  }

  private openFurther(lost: LostNames, { remap: { remap_id }, users }: Stand): void {
    const { name } = this.named(remap_id);
    const opened = new Map<string, number>();
    for (const user of users) {
      const fd = opened.get(user.name) ?? lost.borrow(name, user.name, remap_id);
      opened.set(user.name, fd);
      this.made.set(user.id, fd);
    }
    this.context.plan.afterwards.push({
      what: `'${name}' is taken away`,
      run: (port) => {
        const result = port.attempt(unlinkat, { dirfd: AT_FDCWD, pathname: name, flags: 0 });
        if (result < 0 && result !== -ENOENT) throw refused(`unlinkat: ${errnoName(-result)}`);
      },
    });
  }
}

const pathTo = (track: Track, fd: number, object: string): number =>
  track.newFd(
    openat,
    { dirfd: AT_FDCWD, pathname: `/proc/self/fd/${fd}`, flags: O_PATH | O_CLOEXEC, mode: 0 },
    { object },
  );

/** Made by O_TMPFILE, and never given a name. */
const isNameless = ({ flags, name }: RegFileEntry): boolean =>
  (flags & __O_TMPFILE) !== 0 && /\/#\d+$/.test(name);

/** Older images tell ghosts by a bit of their number. */
function typed({ orig_id, remap_id, remap_type: type }: RemapEntry): RemapEntry {
  if (type !== undefined) return { orig_id, remap_id, remap_type: type };
  const isGhost = remap_id >= GHOST_BIT;
  return {
    orig_id,
    remap_id: isGhost ? remap_id - GHOST_BIT : remap_id,
    remap_type: isGhost ? remap_type.GHOST : remap_type.LINKED,
  };
}

/**
 * Descriptors that a restore is handed (--inherit-fd), by what they stand for in files.img. Everything is compared
 * before anything is made: what was left out and is not there, what is there and stands for nothing, wrong ends.
 */
import { IMAGES } from '../../images/catalogue.js';
import { fd_types } from '../../images/messages/fdinfo.js';
import { fcntl } from '../../linux/syscalls/files.js';
import { F_GETFL, O_ACCMODE, O_RDONLY, O_RDWR, S_IFIFO } from '../../linux/uapi/fcntl.js';
import { external, refused, usage } from '../../support/errors.js';
import { notOpen } from '../../support/not-open.js';
import type { FileStat } from '../ports.js';
import type { RebuildInputs } from '../rebuild-context.js';
import { externalPipe, isSameFileName } from './external.js';
import { toType } from './named.js';
import type { FileEntry } from './registry.js';
import { resourceName } from './tty/terminals.js';

/** A descriptor in woodfrog's own table. */
export interface HandedIn {
  readonly fd: number;
  /** As the user wrote it. */
  readonly resource: string;
  /** Of its description: O_ACCMODE and the rest. */
  readonly flags: number;
  readonly stat: FileStat;
}

/** An entry that a descriptor can stand for. */
interface Candidate {
  readonly id: number;
  /** 'pipe[12]', 'file[1b:230084]', a path, '/memfd:name'. */
  readonly resource: string;
  readonly access: number;
  /** It was left out: nothing else can stand for it. */
  readonly isExternal: boolean;
}

export class HandedIns {
  private readonly byId = new Map<number, HandedIn>();

  constructor(context: RebuildInputs, entries: ReadonlyMap<number, FileEntry>) {
    const candidates = candidatesOf(context, entries);
    const used = new Set<string>();
    const known = new Map<number, HandedIn>();
    for (const candidate of candidates) {
      const resource = givenFor(context.inherited, candidate.resource);
      if (resource === undefined) continue;
      used.add(resource);
      const fd = context.inherited.get(resource) as number;
      const handedIn = known.get(fd) ?? look(context, fd, resource);
      known.set(fd, handedIn);
      this.byId.set(candidate.id, handedIn);
    }
    refuseUnused(context, used, candidates);
    refuseMissing(candidates.filter(({ id, isExternal }) => isExternal && !this.byId.has(id)));
    this.verifyAccess(candidates);
  }

  /** What stands for the file, or for the name of the FIFO, of this id. */
  get(id: number): HandedIn | undefined {
    return this.byId.get(id);
  }

  get isEmpty(): boolean {
    return this.byId.size === 0;
  }

  private verifyAccess(candidates: readonly Candidate[]): void {
    for (const { id, resource, isExternal, access } of candidates) {
      const handedIn = this.byId.get(id);
      if (handedIn === undefined) continue;
      const { fd, flags, stat } = handedIn;
      const own = flags & O_ACCMODE;
      const isQueue = toType(stat) === S_IFIFO;
      // A pipe is opened again for each end, which says nothing about who wanted which.
      const wanted = isQueue
        ? candidates.filter(({ id }) => this.byId.get(id) === handedIn).map((one) => one.access)
        : [access];
      if (own === O_RDWR || wanted.includes(own)) continue;
      // A file that was left out is opened again by its descriptor.
      if (isExternal && !isQueue) continue;
      throw refused(
        `descriptor ${fd} is open for ${nameOf(own)}, and '${resource}' was for ${nameOf(access)}`,
        { object: 'inherited descriptor', remedy: 'hand in one that is open for the same' },
      );
    }
  }
}

const nameOf = (access: number): string =>
  access === O_RDWR ? 'both' : access === O_RDONLY ? 'reading' : 'writing';

function candidatesOf(
  { images, processes }: RebuildInputs,
  entries: ReadonlyMap<number, FileEntry>,
): Candidate[] {
  const held = new Set(
    processes.flatMap(({ ids }) => images.many(IMAGES.FDINFO, ids.files_id).map(({ id }) => id)),
  );
  const found: Candidate[] = [];
  const add = (id: number, resource: string, flags: number, isExternal = false): void => {
    found.push({ id, resource, access: flags & O_ACCMODE, isExternal });
  };
  for (const file of entries.values()) {
    const { id, type, reg, pipe, fifo, memfd } = file;
    if (reg?.ext) add(id, reg.name, reg.flags, true);
    else if (!held.has(id)) continue;
    else if (reg) add(id, reg.name, reg.flags);
    else if (type === fd_types.PIPE && pipe) {
      add(id, externalPipe(pipe.pipe_id), pipe.flags, pipe.external);
    } else if (fifo) {
      const named = entries.get(fifo.regf_id ?? 0)?.reg;
      if (named && !named.ext) add(named.id, named.name, named.flags);
    } else if (memfd) {
      const inodes = images.many(IMAGES.MEMFD_INODE);
      const inode = inodes.find(({ inode_id }) => inode_id === memfd.inode_id);
      const isMapped = [...entries.values()].some(
        (other) => other.memfd?.inode_id === memfd.inode_id && !held.has(other.id),
      );
      // One that is mapped would be two.
      if (inode && !isMapped) add(id, `/memfd:${inode.name}`, memfd.flags);
    }
  }
  return found;
}

function givenFor(inherited: ReadonlyMap<string, number>, resource: string): string | undefined {
  if (inherited.has(resource)) return resource;
  return [...inherited.keys()].find((given) => isSameFileName(given, resource));
}

function look({ port }: RebuildInputs, fd: number, resource: string): HandedIn {
  const flags = port.attempt(fcntl, { fd, cmd: F_GETFL, arg: 0 });
  const stat = port.attemptStat(`/proc/self/fd/${fd}`);
  if (flags < 0 || typeof stat === 'number') throw notOpen({ fd, resource });
  return { fd, resource, flags, stat };
}

function refuseMissing(missing: readonly Candidate[]): void {
  const resources = [...new Set(missing.map(({ resource }) => resource))];
  if (resources.length === 0) return;
  const those = resources.map((resource) => `'${resource}'`).join(', ');
  const were =
    resources.length === 1 ? 'was left out of the images, and is' : 'were left out, and are';
  throw external(`${those} ${were} not handed in`, {
    object: 'external files',
    remedy: `open a descriptor for ${resources.length === 1 ? 'it' : 'each'}, and say so: ${resources
      .map((resource) => `--inherit-fd 'fd[N]:${resource}'`)
      .join(' ')}`,
  });
}

const MOST_NAMED = 8;

function refuseUnused(
  { images, inherited }: RebuildInputs,
  used: ReadonlySet<string>,
  candidates: readonly Candidate[],
): void {
  const terminals = images.many(IMAGES.TTY_INFO).map(resourceName);
  const unused = [...inherited].find(
    ([resource]) => !used.has(resource) && !terminals.includes(resource),
  );
  if (unused === undefined) return;
  const [resource, fd] = unused;
  const all = [...new Set([...candidates.map((one) => one.resource), ...terminals])];
  const more = all.length > MOST_NAMED ? ', ...' : '';
  throw usage(
    `no open file in the images is '${resource}', for which descriptor ${fd} is handed in`,
    {
      object: 'inherited descriptor',
      remedy: `leave it out; what the images hold is ${all.slice(0, MOST_NAMED).join(', ')}${more}`,
    },
  );
}

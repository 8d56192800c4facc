/** The descriptors that every puppet inherits, and their place among the saved numbers. */
import { readText } from '../host/files.js';
import { type Host, syscallError } from '../host/host.js';
import { IMAGES } from '../images/catalogue.js';
import type { ImageSet } from '../images/directory.js';
import { type ParentedStore, parentChain } from '../images/parents.js';
import { RLIMIT_NOFILE } from '../linux/resource.js';
import { close, fcntl, memfdCreate } from '../linux/syscalls/files.js';
import { getpid, pidfdOpen, prlimit64 } from '../linux/syscalls/tasks.js';
import { F_DUPFD } from '../linux/uapi/fcntl.js';
import { rlimit64 } from '../linux/uapi/sched.js';
import { findRoom } from './fd-room.js';
import type { Session } from './session.js';

/** Numbers that stay free in Node's own table, and in no saved one are used. */
const SPARE_FDS = 64;

/** How many descriptors reading pages takes at most: for each level its folder, its page files, a pagemap. */
export function openImages(store: ParentedStore): number {
  const names = parentChain(store).map((level) => level.list());
  return names.flat().filter((name) => name.startsWith('pages-')).length + 2 * names.length;
}

/**
 * Our own pidfd, at a number that no saved table uses, by which puppets take our descriptors and above which their
 * temporary ones are; and the memory file of the plan.
 */
export class InheritedFds implements Disposable {
  readonly controlFd: number = -1;
  readonly planFd: number = -1;
  readonly #host: Host;

  constructor({ host }: Session, images: ImageSet, openImages: number) {
    this.#host = host;
    const saved = images
      .ids(IMAGES.FDINFO)
      .flatMap((id) => images.many(IMAGES.FDINFO, id).map(({ fd }) => fd));
    // A process makes, takes and opens by its path what it has, and what others have in its memory.
    const temporary = saved.length + 2 * images.many(IMAGES.FILES).length + SPARE_FDS;
    const wanted = temporary + openImages;
    const highest = saved.reduce((a, b) => Math.max(a, b), 2);
    const room = findRoom(saved, {
      wanted,
      limit: raisedLimit(host, highest + 1 + wanted),
    });
    try {
      const pidfd = host.call(pidfdOpen, { pid: host.call(getpid, {}), flags: 0 });
      const moved = host.attempt(fcntl, { fd: pidfd, cmd: F_DUPFD, arg: room });
      host.attempt(close, { fd: pidfd });
      if (moved < 0) throw syscallError('fcntl', -moved, 'fcntl(F_DUPFD) of our pidfd');
      this.controlFd = moved;
      this.planFd = host.call(memfdCreate, { name: 'woodfrog-plan', flags: 0 });
    } catch (error) {
      this[Symbol.dispose]();
      throw error;
    }
  }

  [Symbol.dispose](): void {
    for (const fd of [this.controlFd, this.planFd]) {
      if (fd >= 0) this.#host.attempt(close, { fd });
    }
  }
}

/** RLIMIT_NOFILE is raised for the puppets to inherit; a process that outlives the restore gets its own back. */
export function restoredLimit(host: Host): Disposable {
  const new_limit = descriptorLimit(host);
  return {
    [Symbol.dispose]() {
      host.attempt(prlimit64, { pid: 0, resource: RLIMIT_NOFILE, new_limit, old_limit: 0 });
    },
  };
}

function descriptorLimit(host: Host): { rlim_cur: bigint; rlim_max: bigint } {
  using scope = host.scope();
  const old = scope.alloc(rlimit64.size);
  host.call(prlimit64, { pid: 0, resource: RLIMIT_NOFILE, new_limit: 0, old_limit: old });
  return rlimit64.decode(old.bytes);
}

/** Our limit, raised when less than `wanted` descriptors fit: as far as we may. */
function raisedLimit(host: Host, wanted: number): number {
  const { rlim_cur, rlim_max } = descriptorLimit(host);
  const raise = (limit: bigint): boolean => {
    const new_limit = { rlim_cur: limit, rlim_max: limit };
    return (
      host.attempt(prlimit64, { pid: 0, resource: RLIMIT_NOFILE, new_limit, old_limit: 0 }) === 0
    );
  };
  if (rlim_cur >= BigInt(wanted)) return Number(rlim_cur);
  if (rlim_max < BigInt(wanted)) {
    const most = BigInt(readText(host, '/proc/sys/fs/nr_open').trim());
    if (rlim_max < most && raise(most)) return Number(most);
  }
  raise(rlim_max);
  return Number(rlim_max);
}

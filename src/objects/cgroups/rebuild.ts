/**
 * Puts restored threads back into the cgroups they were in: last, by woodfrog itself, as it takes rights that the tasks
 * may not have any more. A cgroup that is not there any more is an error before anything is made.
 */
import { IMAGES } from '../../images/catalogue.js';
import { parseCgroups } from '../../linux/procfs/cgroup.js';
import { type Mount, parseMountinfo, splitOptions } from '../../linux/procfs/mountinfo.js';
import { AT_FDCWD } from '../../linux/syscall.js';
import { close, openat, write } from '../../linux/syscalls/files.js';
import { O_CLOEXEC, O_WRONLY } from '../../linux/uapi/fcntl.js';
import { utf8 } from '../../support/bytes.js';
import { imageError, refused, within } from '../../support/errors.js';
import type { KernelPort } from '../ports.js';
import type { HostStepPort, ProcessRebuild, RebuildInputs } from '../rebuild-context.js';
import { type CgroupSetEntry, OWN_CGROUP_SET } from './sets.js';

type Member = CgroupSetEntry['ctls'][0];

/** Adds host steps in the stage 'commit'. Call once per restore, after all other objects. */
export function rebuildCgroups({ images, plan, port, processes }: RebuildInputs): void {
  const image = images.get(IMAGES.CGROUP);
  if (image === undefined) return;
  const sets = new Map(image.sets.map((set) => [set.id, set]));
  const ownSet = images.get(IMAGES.INVENTORY)?.root_cg_set ?? OWN_CGROUP_SET;
  const finder = new CgroupFinder(port);
  for (const process of processes) {
    const ids = setIds(process);
    for (const [i, thread] of process.threads.entries()) {
      const id = ids[i] ?? ownSet;
      // The whole process goes where its leader goes; then a thread of its own way.
      if (id === (i === 0 ? ownSet : ids[0])) continue;
      const set = sets.get(id);
      if (set === undefined)
        throw imageError(`cgroup set ${id} is not in it`, { object: 'cgroup.img' });
      const before = i === 0 ? undefined : sets.get(ids[0] ?? ownSet);
      const folders = within({ pid: thread.vtid, comm: process.comm, object: 'cgroups' }, () =>
        set.ctls.filter((member) => !isIn(before, member)).flatMap((member) => finder.find(member)),
      );
      for (const { folder, isUnified } of folders) {
        const file = i === 0 ? 'cgroup.procs' : isUnified ? 'cgroup.threads' : 'tasks';
        plan.host({
          stage: 'commit',
          what: `write ${thread.vtid} to ${folder}/${file}`,
          run: (host) => enter(host, `${folder}/${file}`, thread.vtid),
        });
      }
    }
  }
}

const setIds = ({ threads, core }: ProcessRebuild): (number | undefined)[] =>
  threads.map((thread) => thread.core.thread_core?.cg_set ?? core.tc?.cg_set);

const isIn = (set: CgroupSetEntry | undefined, { name, path }: Member): boolean =>
  set?.ctls.some((other) => other.name === name && other.path === path) ?? false;

interface Folder {
  folder: string;
  isUnified: boolean;
}

/** Where the cgroup file systems are mounted here, and what woodfrog is in already. */
export class CgroupFinder {
  readonly #port: KernelPort;
  readonly #mounts: Mount[];
  readonly #own: Member[];

  constructor(port: KernelPort) {
    this.#port = port;
    this.#mounts = parseMountinfo(port.readText('/proc/self/mountinfo'));
    this.#own = parseCgroups(port.own.cgroups).map(({ controllers, path }) => ({
      name: controllers.join(','),
      path,
    }));
  }

  /** The folder of a cgroup; none when woodfrog itself is in it, and with it every new process. */
  find(member: Member): Folder[] {
    if (isIn({ id: OWN_CGROUP_SET, ctls: this.#own }, member)) return [];
    const { name, path } = member;
    const what = name === '' ? 'cgroup' : `cgroup of ${name}`;
    const mount = this.#mounts.find(
      (each) => holds(each, name) && below(each.root, path) !== undefined,
    );
    if (mount === undefined) {
      throw refused(`the ${what} '${path}' is on a hierarchy that is not mounted here`, {
        remedy: 'mount the cgroup hierarchies as they were at the dump',
      });
    }
    const folder = mount.mountpoint + (below(mount.root, path) ?? '');
    const stat = this.#port.attemptStat(folder);
    if (typeof stat === 'number') {
      throw refused(`the ${what} '${path}' is not there any more`, {
        remedy: `make it again: mkdir -p ${folder}`,
      });
    }
    return [{ folder, isUnified: name === '' }];
  }
}

function holds({ fstype, superOptions }: Mount, name: string): boolean {
  if (name === '') return fstype === 'cgroup2';
  if (fstype !== 'cgroup') return false;
  const options = splitOptions(superOptions);
  return name.split(',').every((controller) => options.includes(controller));
}

/** What is left of a path below a root: '' for the root itself; undefined when it lies elsewhere. */
function below(root: string, path: string): string | undefined {
  if (root === '/') return path === '/' ? '' : path;
  if (path === root) return '';
  return path.startsWith(`${root}/`) ? path.slice(root.length) : undefined;
}

function enter(port: HostStepPort, pathname: string, vtid: number): void {
  const fd = port.call(openat, { dirfd: AT_FDCWD, pathname, flags: O_WRONLY | O_CLOEXEC, mode: 0 });
  try {
    const data = utf8(String(port.pidOf(vtid)));
    port.call(write, { fd, buf: data, count: data.length });
  } finally {
    port.call(close, { fd });
  }
}

/**
 * Puts restored threads back into the cgroups they were in: last, by woodfrog itself, as it takes rights that the tasks
 * may not have any more. What the cgroups need themselves comes first, in rebuild-folders.ts.
 */
import { IMAGES } from '../../images/catalogue.js';
import type { CgroupDirectory } from '../../images/messages/cgroup.js';
import { AT_FDCWD } from '../../linux/syscall.js';
import { close, openat, write } from '../../linux/syscalls/files.js';
import { O_CLOEXEC, O_WRONLY } from '../../linux/uapi/fcntl.js';
import { utf8 } from '../../support/bytes.js';
import { imageError, within } from '../../support/errors.js';
import type { HostStepPort, ProcessRebuild, RebuildInputs } from '../rebuild-context.js';
import { below, commonRoot, givenRoot, Hierarchies, type Member, UNIFIED } from './hierarchies.js';
import { rebuildFolders, type WantedCgroup } from './rebuild-folders.js';
import { type CgroupEntry, type CgroupSetEntry, OWN_CGROUP_SET } from './sets.js';

/** Adds host steps: cgroups are made before the births, tasks enter them in 'commit'. Call once per restore. */
export function rebuildCgroups(inputs: RebuildInputs): void {
  const { images, plan, port, processes, options } = inputs;
  const image = images.get(IMAGES.CGROUP);
  if (image === undefined || options.cgroups.mode === 'ignore') return;
  const hierarchies = new Hierarchies(port, options.cgroups);
  const move = movesOf(image, inputs);
  const ownSet = images.get(IMAGES.INVENTORY)?.root_cg_set ?? OWN_CGROUP_SET;
  const sets = new Map(
    image.sets.map(({ id, ctls }) => [
      id,
      ctls.map((member) => ({ ...member, path: move(member) })),
    ]),
  );
  sets.set(ownSet, [...hierarchies.own]);
  const entries = enterings(processes, { sets, ownSet, own: hierarchies.own });
  within({ object: 'cgroups' }, () =>
    rebuildFolders(
      inputs,
      hierarchies,
      wantedOf(image, { move, entries, isSetUp: setsUp(options) }),
    ),
  );
  for (const { member, vtid, isLeader } of entries) {
    const file = isLeader ? 'cgroup.procs' : member.name === UNIFIED ? 'cgroup.threads' : 'tasks';
    const path = `${hierarchies.folderOf(member)}/${file}`;
    plan.host({
      stage: 'commit',
      what: `write ${vtid} to ${path}`,
      run: (host) => enter(host, path, vtid),
    });
  }
}

/** Without the option, or with 'none', only the cgroups that tasks go back to matter. */
const setsUp = ({ cgroups: { mode = 'none' } }: RebuildInputs['options']): boolean =>
  mode !== 'none';

/** Where a cgroup of the image is to be: elsewhere, if the user gives its hierarchy another root. */
function movesOf(
  { controllers, sets }: CgroupEntry,
  { options }: RebuildInputs,
): (member: Member) => string {
  const tops = new Map<string, string>();
  const topOf = (name: string): string => {
    let top = tops.get(name);
    if (top === undefined) {
      const dirs = controllers.find(({ cnames }) => cnames.join(',') === name)?.dirs ?? [];
      const paths = dirs.map(({ dir_name }) => pathOf(dir_name));
      const members = sets.flatMap(({ ctls }) => ctls.filter((one) => one.name === name));
      top = commonRoot(paths.length > 0 ? paths : members.map(({ path }) => path));
      tops.set(name, top);
    }
    return top;
  };
  return ({ name, path }) => {
    const root = givenRoot(name, options.cgroups);
    if (root === undefined) return path;
    const rest = below(topOf(name), path);
    if (rest === undefined) return path;
    return root === '/' ? rest || '/' : root + rest;
  };
}

const pathOf = (dir_name: string): string => (dir_name.startsWith('/') ? dir_name : `/${dir_name}`);

interface Entering {
  readonly member: Member;
  readonly vtid: number;
  /** With the whole process. */
  readonly isLeader: boolean;
}

/** Who enters what: nobody what woodfrog itself is in, as every new process is there. */
function enterings(
  processes: readonly ProcessRebuild[],
  {
    sets,
    ownSet,
    own,
  }: { sets: ReadonlyMap<number, CgroupSetEntry['ctls']>; ownSet: number; own: readonly Member[] },
): Entering[] {
  return processes.flatMap((process) => {
    const ids = setIds(process).map((id) => id ?? ownSet);
    return process.threads.flatMap(({ vtid }, i) => {
      const id = ids[i] ?? ownSet;
      // The whole process goes where its leader goes; then a thread of its own way.
      const before = i === 0 ? own : (sets.get(ids[0] ?? ownSet) ?? own);
      if (i > 0 && id === ids[0]) return [];
      const members = sets.get(id);
      if (members === undefined) {
        throw imageError(`cgroup set ${id} is not in it`, {
          ...{ object: 'cgroup.img', pid: vtid, comm: process.comm },
        });
      }
      return members
        .filter((member) => !isIn(before, member))
        .map((member) => ({ member, vtid, isLeader: i === 0 }));
    });
  });
}

const setIds = ({ threads, core }: ProcessRebuild): (number | undefined)[] =>
  threads.map((thread) => thread.core.thread_core?.cg_set ?? core.tc?.cg_set);

const isIn = (members: readonly Member[], { name, path }: Member): boolean =>
  members.some((other) => other.name === name && other.path === path);

/** The cgroups that must be there, or are to be made: those of the image, and those that tasks enter. */
function wantedOf(
  { controllers }: CgroupEntry,
  {
    move,
    entries,
    isSetUp,
  }: { move: (member: Member) => string; entries: readonly Entering[]; isSetUp: boolean },
): WantedCgroup[] {
  const wanted = new Map<string, WantedCgroup>();
  const add = (one: WantedCgroup): void => {
    const key = `${one.name}:${one.path}`;
    if (!wanted.has(key)) wanted.set(key, one);
  };
  const addAll = (name: string, path: string, entry: CgroupDirectory): void => {
    add({ name, path: move({ name, path }), entry });
    for (const child of entry.children) {
      addAll(name, path === '/' ? `/${child.dir_name}` : `${path}/${child.dir_name}`, child);
    }
  };
  if (isSetUp) {
    for (const { cnames, dirs } of controllers) {
      for (const dir of dirs) addAll(cnames.join(','), pathOf(dir.dir_name), dir);
    }
  }
  for (const { member } of entries) add({ ...member, entry: undefined });
  return [...wanted.values()];
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

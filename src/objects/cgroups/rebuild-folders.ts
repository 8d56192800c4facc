/**
 * Makes the cgroups of a checkpoint that are not there, and sets them to what they were, as far as the mode of
 * --manage-cgroups says: before any task is put into one. What was made is taken away again if the restore fails.
 */
import type { CgroupDirectory } from '../../images/messages/cgroup.js';
import { EBUSY, EINVAL, ENOENT, errnoName } from '../../linux/errno.js';
import { AT_FDCWD } from '../../linux/syscall.js';
import {
  close,
  fchmodat,
  fchownat,
  mkdirat,
  openat,
  unlinkat,
  write,
} from '../../linux/syscalls/files.js';
import { AT_REMOVEDIR, O_CLOEXEC, O_WRONLY } from '../../linux/uapi/fcntl.js';
import { utf8 } from '../../support/bytes.js';
import { refused } from '../../support/errors.js';
import type { HostStepPort, RebuildInputs } from '../rebuild-context.js';
import { describe, type Hierarchies } from './hierarchies.js';
import { type PropertyWrite, propertyWrites } from './properties.js';

/** A cgroup of the checkpoint, where it is to be now. */
export interface WantedCgroup {
  readonly name: string;
  readonly path: string;
  readonly entry: CgroupDirectory | undefined;
}

const MODE_BITS = 0o7777;
/** Set last of all: nothing moves in a frozen cgroup, nor into one. */
const FREEZE = 'cgroup.freeze';

/** `wanted`: parents before their children. Call before the tasks' own steps are added. */
export function rebuildFolders(
  { plan, port, options: { cgroups } }: RebuildInputs,
  hierarchies: Hierarchies,
  wanted: readonly WantedCgroup[],
): void {
  const { mode = 'none' } = cgroups;
  const makes = mode === 'soft' || mode === 'full' || mode === 'strict';
  for (const { name, path, entry } of wanted) {
    if (path === '/') continue;
    const folder = hierarchies.folderOf({ name, path });
    const isThere = typeof port.attemptStat(folder) !== 'number';
    if (isThere && entry && mode === 'strict') throw alreadyThere(name, path, folder);
    if (!isThere && !makes) throw notThere(name, path, folder);
    if (!isThere) {
      for (const missing of missingParents(hierarchies, { name, path })) make(plan, missing, name);
    }
    const sets = mode === 'props' || mode === 'full' || (makes && !isThere);
    if (sets && entry) {
      plan.host({
        stage: 'commit',
        what: `set the cgroup ${folder}`,
        run: (host) => setFolder(host, folder, entry),
      });
      const frozen = entry.properties.find((one) => one.name === FREEZE && one.value === '1');
      if (frozen) {
        plan.afterwards.push({
          what: `freeze the cgroup ${folder}`,
          run: (host) => put(host, folder, { file: FREEZE, text: '1' }),
        });
      }
    }
  }
}

/** The folders to make for it, from the top, itself last. */
function missingParents(
  hierarchies: Hierarchies,
  { name, path }: { name: string; path: string },
): string[] {
  const parts = path.split('/').filter(Boolean);
  return parts
    .map((_, i) => ({ name, path: `/${parts.slice(0, i + 1).join('/')}` }))
    .filter((one) => !hierarchies.isThere(one))
    .map((one) => hierarchies.folderOf(one));
}

function make({ hostSteps, onFailure }: RebuildInputs['plan'], folder: string, name: string): void {
  const what = `make the cgroup ${folder}`;
  if (hostSteps.some((step) => step.what === what)) return;
  let isOurs = false;
  hostSteps.push({
    stage: 'commit',
    what,
    run: (port) => {
      port.call(mkdirat, { dirfd: AT_FDCWD, pathname: folder, mode: 0o755 });
      isOurs = true;
      if (name.split(',').includes('cpuset')) inheritCpus(port, folder);
    },
  });
  onFailure.unshift({
    what: `remove the cgroup ${folder}`,
    run: (port) => {
      if (isOurs)
        port.attempt(unlinkat, { dirfd: AT_FDCWD, pathname: folder, flags: AT_REMOVEDIR });
    },
  });
}

/** A cpuset of version 1 starts without CPUs and memory: nobody could enter it, nor set any below. */
function inheritCpus(port: HostStepPort, folder: string): void {
  const parent = folder.slice(0, folder.lastIndexOf('/'));
  for (const file of ['cpuset.cpus', 'cpuset.mems']) {
    const text = port.attemptReadText(`${parent}/${file}`);
    if (typeof text === 'string' && text.trim() !== '')
      put(port, folder, { file, text: text.trim() });
  }
}

/** Permissions, then properties; one that depends on another comes a second time. */
function setFolder(port: HostStepPort, folder: string, entry: CgroupDirectory): void {
  const writes: PropertyWrite[] = [];
  for (const { name, value } of entry.properties) {
    const now = port.attemptReadText(`${folder}/${name}`);
    const thaws = name === FREEZE && value === '1';
    if (typeof now === 'string' && !thaws) writes.push(...propertyWrites(name, { value, now }));
    else if (now === -ENOENT && value !== '') throw noProperty(folder, name);
  }
  const later = writes.filter((one) => {
    const result = attemptPut(port, folder, one);
    if (result === -EINVAL || result === -EBUSY) return true;
    if (result < 0) throw notSet(folder, one, -result);
    return false;
  });
  for (const one of later) put(port, folder, one);
  setPermissions(port, folder, entry.dir_perms);
  for (const { name, perms } of entry.properties) setPermissions(port, `${folder}/${name}`, perms);
}

function setPermissions(
  port: HostStepPort,
  pathname: string,
  perms: CgroupDirectory['dir_perms'],
): void {
  const stat = perms && port.attemptStat(pathname);
  if (perms === undefined || stat === undefined || typeof stat === 'number') return;
  if (stat.uid !== perms.uid || stat.gid !== perms.gid) {
    port.call(fchownat, {
      dirfd: AT_FDCWD,
      pathname,
      owner: perms.uid,
      group: perms.gid,
      flags: 0,
    });
  }
  const mode = perms.mode & MODE_BITS;
  if ((stat.mode & MODE_BITS) !== mode) port.call(fchmodat, { dirfd: AT_FDCWD, pathname, mode });
}

function put(port: HostStepPort, folder: string, one: PropertyWrite): void {
  const result = attemptPut(port, folder, one);
  if (result < 0) throw notSet(folder, one, -result);
}

function attemptPut(port: HostStepPort, folder: string, { file, text }: PropertyWrite): number {
  const pathname = `${folder}/${file}`;
  const fd = port.attempt(openat, {
    dirfd: AT_FDCWD,
    pathname,
    flags: O_WRONLY | O_CLOEXEC,
    mode: 0,
  });
  if (fd < 0) return fd;
  const buf = utf8(text);
  const result = port.attempt(write, { fd, buf, count: buf.length });
  port.attempt(close, { fd });
  return result;
}

const notSet = (folder: string, { file, text }: PropertyWrite, errno: number) =>
  refused(`'${text}' cannot be written to ${folder}/${file}: ${errnoName(errno)}`, {
    object: 'cgroups',
    errno: errnoName(errno),
    remedy: 'restore with --manage-cgroups=none, and set the cgroup up yourself',
  });

const noProperty = (folder: string, name: string) =>
  refused(`${folder} has no '${name}' here`, {
    object: 'cgroups',
    remedy: 'enable its controller, or restore with --manage-cgroups=none',
  });

const notThere = (name: string, path: string, folder: string) =>
  refused(`the ${describe(name)} '${path}' is not there any more`, {
    remedy: `make it again: mkdir -p ${folder}; or restore with --manage-cgroups=soft`,
  });

const alreadyThere = (name: string, path: string, folder: string) =>
  refused(`the ${describe(name)} '${path}' is there already`, {
    object: 'cgroups',
    remedy: `--manage-cgroups=strict wants to make it: rmdir ${folder}`,
  });

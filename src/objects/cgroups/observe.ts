/**
 * What the cgroups of a tree are set to: for each hierarchy the topmost cgroups that tasks are in, or the roots that the
 * user names, and all below them. Below a hierarchy's own root lie everybody's cgroups: of those only the tree's count.
 */
import type { CgroupDirectory, cgroup_perms } from '../../images/messages/cgroup.js';
import type { MessageValue } from '../../images/schema.js';
import { EINVAL, ENODEV, ENOENT, EOPNOTSUPP, errnoName } from '../../linux/errno.js';
import { refused } from '../../support/errors.js';
import type { CgroupOptions } from '../options.js';
import type { FileStat, KernelPort } from '../ports.js';
import { below, givenRoot, Hierarchies, UNIFIED } from './hierarchies.js';
import { propertyNames, savedValue, WITHOUT_VALUE } from './properties.js';

type Property = CgroupDirectory['properties'][0];
type Perms = MessageValue<typeof cgroup_perms>;

const S_IFMT = 0o170000;
const S_IFDIR = 0o040000;
/** A folder that has no folder in it. */
const LEAF_LINKS = 2n;

/** The folders of one hierarchy; `paths`: where its tasks are. */
export function observeHierarchy(
  port: KernelPort,
  { name, paths }: { name: string; paths: readonly string[] },
  options: CgroupOptions,
): CgroupDirectory[] {
  const reader = new Reader(port, name, options);
  const root = givenRoot(name, options);
  const tops = root === undefined ? topmost(paths) : [root];
  return tops.map((top) =>
    reader.directory(top, top.slice(1), { alone: top === '/' && root === undefined }),
  );
}

/** Those that are not below another one. */
function topmost(paths: readonly string[]): string[] {
  const sorted = [...new Set(paths)].sort((one, other) => one.length - other.length);
  const tops: string[] = [];
  for (const path of sorted) {
    const isBelow = tops.some((top) => top !== '/' && below(top, path) !== undefined);
    if (!isBelow) tops.push(path);
  }
  return tops;
}

class Reader {
  readonly #port: KernelPort;
  readonly #name: string;
  readonly #options: CgroupOptions;
  readonly #hierarchies: Hierarchies;

  constructor(port: KernelPort, name: string, options: CgroupOptions) {
    this.#port = port;
    this.#name = name;
    this.#options = options;
    this.#hierarchies = new Hierarchies(port, options);
  }

  directory(path: string, dir_name: string, { alone = false } = {}): CgroupDirectory {
    const folder = this.#hierarchies.folderOf({ name: this.#name, path });
    const stat = this.#port.attemptStat(folder);
    if (typeof stat === 'number') {
      throw refused(
        `the cgroup '${path}' of ${this.#name || 'the unified hierarchy'}: ${errnoName(-stat)}`,
        {
          object: 'cgroups',
          remedy: 'name a cgroup that is there by --cgroup-root',
        },
      );
    }
    const names = this.#port.readDir(folder);
    const children = alone || stat.nlink === LEAF_LINKS ? [] : this.#children(path, folder, names);
    const properties = this.#properties(folder, names);
    return { dir_name, children, properties, dir_perms: permsOf(stat) };
  }

  #children(path: string, folder: string, names: readonly string[]): CgroupDirectory[] {
    return [...names].sort().flatMap((child) => {
      const stat = this.#port.attemptStat(`${folder}/${child}`);
      if (typeof stat === 'number' || (stat.mode & S_IFMT) !== S_IFDIR) return [];
      return [this.directory(path === '/' ? `/${child}` : `${path}/${child}`, child)];
    });
  }

  #properties(folder: string, there: readonly string[]): Property[] {
    const isUnified = this.#name === UNIFIED;
    const controllers = isUnified
      ? this.#port.readText(`${folder}/cgroup.controllers`).trim().split(' ').filter(Boolean)
      : this.#name.split(',');
    const { properties } = this.#options;
    return propertyNames(controllers, there, { isUnified, properties }).flatMap((name) => {
      const stat = this.#port.attemptStat(`${folder}/${name}`);
      const value = this.#value(folder, name);
      if (value === undefined || typeof stat === 'number') return [];
      return [{ name, value, perms: permsOf(stat) }];
    });
  }

  #value(folder: string, name: string): string | undefined {
    if (WITHOUT_VALUE.has(name)) return '';
    const text = this.#port.attemptReadText(`${folder}/${name}`);
    if (typeof text !== 'number') return savedValue(name, text);
    // It is there, and means nothing here: swap limits without swap, for example.
    if ([ENOENT, EOPNOTSUPP, EINVAL, ENODEV].includes(-text)) return undefined;
    throw refused(`${folder}/${name}: ${errnoName(-text)}`, { object: 'cgroups' });
  }
}

const permsOf = ({ mode, uid, gid }: FileStat): Perms => ({ mode, uid, gid });

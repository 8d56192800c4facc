/** Where the cgroup hierarchies are: by the mounts that woodfrog sees, or in a yard that the user names. */
import { parseCgroups } from '../../linux/procfs/cgroup.js';
import { type Mount, parseMountinfo, splitOptions } from '../../linux/procfs/mountinfo.js';
import { refused } from '../../support/errors.js';
import type { CgroupOptions } from '../options.js';
import type { KernelPort } from '../ports.js';
import type { CgroupSetEntry } from './sets.js';

export type Member = CgroupSetEntry['ctls'][0];

/** The name of the unified hierarchy in images. */
export const UNIFIED = '';
const NAMED = 'name=';

export class Hierarchies {
  /** What woodfrog itself is in. */
  readonly own: readonly Member[];
  readonly #port: KernelPort;
  readonly #yard: string | undefined;
  #mounts: Mount[] | undefined;

  constructor(port: KernelPort, { yard }: Pick<CgroupOptions, 'yard'>) {
    this.#port = port;
    this.#yard = yard;
    this.own = parseCgroups(port.own.cgroups).map(({ controllers, path }) => ({
      name: controllers.join(','),
      path,
    }));
  }

  /** The folder of a cgroup; whether it is there is another question. */
  folderOf({ name, path }: Member): string {
    if (this.#yard !== undefined) {
      const plain = name.startsWith(NAMED) ? name.slice(NAMED.length) : name;
      return joined(`${this.#yard}/${name === UNIFIED ? 'unified' : plain}`, path);
    }
    this.#mounts ??= parseMountinfo(this.#port.readText('/proc/self/mountinfo'));
    for (const mount of this.#mounts) {
      const rest = holds(mount, name) ? below(mount.root, path) : undefined;
      if (rest !== undefined) return mount.mountpoint + rest;
    }
    throw refused(`the ${describe(name)} '${path}' is on a hierarchy that is not mounted here`, {
      remedy:
        'mount the cgroup hierarchies as they were at the dump, or name a folder that has them: --cgroup-yard',
    });
  }

  isThere(member: Member): boolean {
    return typeof this.#port.attemptStat(this.folderOf(member)) !== 'number';
  }
}

export const describe = (name: string): string =>
  name === UNIFIED ? 'cgroup' : `cgroup of ${name}`;

const joined = (folder: string, path: string): string => (path === '/' ? folder : folder + path);

function holds({ fstype, superOptions }: Mount, name: string): boolean {
  if (name === UNIFIED) return fstype === 'cgroup2';
  if (fstype !== 'cgroup') return false;
  const options = splitOptions(superOptions);
  return name.split(',').every((controller) => options.includes(controller));
}

/** What is left of a path below a root: '' for the root itself; undefined when it lies elsewhere. */
export function below(root: string, path: string): string | undefined {
  if (root === '/') return path === '/' ? '' : path;
  if (path === root) return '';
  return path.startsWith(`${root}/`) ? path.slice(root.length) : undefined;
}

/** The deepest path that all of these are below, or are. */
export function commonRoot(paths: readonly string[]): string {
  const [first = [], ...rest] = paths.map((path) => path.split('/').filter(Boolean));
  let { length } = first;
  for (const path of rest) {
    let same = 0;
    while (same < length && same < path.length && path[same] === first[same]) same++;
    length = same;
  }
  return `/${first.slice(0, length).join('/')}`;
}

/** The root that the user gave for a hierarchy. */
export function givenRoot(
  name: string,
  { roots }: Pick<CgroupOptions, 'roots'>,
): string | undefined {
  const own = roots.find(
    ({ controller }) =>
      controller !== undefined &&
      (name.split(',').includes(controller) || name === `${NAMED}${controller}`),
  );
  const root = own ?? roots.findLast(({ controller }) => controller === undefined);
  return root && (root.path.replace(/\/+/g, '/').replace(/(?<=.)\/$/, '') || '/');
}

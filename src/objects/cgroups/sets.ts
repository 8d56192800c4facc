/**
 * Which cgroups the threads of a tree are in, as sets: threads in the same ones share a set. Set 1 is woodfrog's own at
 * the dump, means wherever woodfrog is at the restore, and is not written. cgroups(7); cgroup.img holds the others, and
 * what their cgroups are set to.
 */
import type {
  CgroupDirectory,
  cg_controller_entry,
  cg_set_entry,
  cgroup_entry,
} from '../../images/messages/cgroup.js';
import type { MessageValue } from '../../images/schema.js';
import { type CgroupMembership, parseCgroups } from '../../linux/procfs/cgroup.js';
import { unsupported } from '../../support/errors.js';
import type { CgroupOptions } from '../options.js';

export type CgroupEntry = MessageValue<typeof cgroup_entry>;
export type CgroupSetEntry = MessageValue<typeof cg_set_entry>;
type ControllerEntry = MessageValue<typeof cg_controller_entry>;

/** inventory_entry.root_cg_set, too. */
export const OWN_CGROUP_SET = 1;

/** What the cgroups of a hierarchy that hold tasks, and those below, are set to. */
export type ObserveHierarchy = (hierarchy: {
  name: string;
  paths: readonly string[];
}) => CgroupDirectory[];

export class CgroupSets {
  readonly #ids = new Map<string, number>();
  readonly #sets: CgroupSetEntry[] = [];
  readonly #hierarchies: readonly CgroupMembership[];
  readonly #isWanted: (membership: CgroupMembership) => boolean;

  /** `own`: what /proc/self/cgroup says. */
  constructor(own: string, { controllers: wanted }: Pick<CgroupOptions, 'controllers'>) {
    this.#isWanted = ({ controllers }) =>
      wanted.length === 0 || controllers.some((name) => wanted.includes(name));
    this.#hierarchies = parseCgroups(own).filter(this.#isWanted);
    this.#ids.set(own, this.#add(own));
  }

  /** The id of a thread's set: thread_core_entry.cg_set. `text`: what /proc/PID/task/TID/cgroup says. */
  idOf(text: string): number {
    let id = this.#ids.get(text);
    if (id === undefined) {
      id = this.#add(text);
      this.#ids.set(text, id);
    }
    return id;
  }

  #add(text: string): number {
    const id = this.#sets.length + OWN_CGROUP_SET;
    const ctls = parseCgroups(text).filter(this.#isWanted).map(toMember);
    this.#sets.push({ id, ctls: ctls.sort((one, other) => (one.name < other.name ? -1 : 1)) });
    return id;
  }

  /** undefined when every thread is where woodfrog is. */
  entry(observe: ObserveHierarchy): CgroupEntry | undefined {
    const sets = this.#sets.filter(({ id }) => id !== OWN_CGROUP_SET);
    if (sets.length === 0) return undefined;
    const controllers = this.#hierarchies.map((hierarchy): ControllerEntry => {
      const name = nameOf(hierarchy);
      const paths = sets.flatMap(({ ctls }) =>
        ctls.filter((member) => member.name === name).map(({ path }) => path),
      );
      return {
        cnames: cnamesOf(hierarchy),
        dirs: observe({ name, paths }),
        is_threaded: name !== '',
      };
    });
    return { sets, controllers };
  }
}

const nameOf = ({ controllers }: CgroupMembership): string => controllers.join(',');

/** CRIU looks up a set's names here. */
const cnamesOf = ({ controllers }: CgroupMembership): string[] =>
  controllers.length === 0 ? [''] : [...controllers];

function toMember(membership: CgroupMembership): CgroupSetEntry['ctls'][0] {
  const { path, deleted } = membership;
  if (deleted) {
    throw unsupported(`its cgroup '${path}' has been removed`, {
      object: 'cgroups',
      remedy: 'move the process to a cgroup that exists',
    });
  }
  return { name: nameOf(membership), path };
}

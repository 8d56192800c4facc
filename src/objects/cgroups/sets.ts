/**
 * Which cgroups the threads of a tree are in, as sets: threads in the same ones share a set. Set 1 is woodfrog's own at
 * the dump, and means wherever woodfrog is at the restore. cgroups(7); cgroup.img holds the sets, unless 1 is all.
 */
import type {
  cg_controller_entry,
  cg_set_entry,
  cgroup_entry,
} from '../../images/messages/cgroup.js';
import type { MessageValue } from '../../images/schema.js';
import { type CgroupMembership, parseCgroups } from '../../linux/procfs/cgroup.js';
import { unsupported } from '../../support/errors.js';

export type CgroupEntry = MessageValue<typeof cgroup_entry>;
export type CgroupSetEntry = MessageValue<typeof cg_set_entry>;
type ControllerEntry = MessageValue<typeof cg_controller_entry>;

/** inventory_entry.root_cg_set, too. */
export const OWN_CGROUP_SET = 1;

export class CgroupSets {
  readonly #ids = new Map<string, number>();
  readonly #sets: CgroupSetEntry[] = [];
  readonly #controllers: ControllerEntry[];

  /** `own`: what /proc/self/cgroup says. */
  constructor(own: string) {
    this.#controllers = parseCgroups(own).map(toController);
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
    this.#sets.push({ id, ctls: parseCgroups(text).map(toMember) });
    return id;
  }

  /** undefined when every thread is where woodfrog is. */
  entry(): CgroupEntry | undefined {
    return this.#sets.length === 1
      ? undefined
      : { sets: this.#sets, controllers: this.#controllers };
  }
}

/** A hierarchy, without its directories: these are not made at restore. CRIU looks up a set's names here. */
const toController = ({ controllers }: CgroupMembership): ControllerEntry => ({
  cnames: controllers.length === 0 ? [''] : [...controllers],
  dirs: [],
});

function toMember({ controllers, path, deleted }: CgroupMembership): CgroupSetEntry['ctls'][0] {
  if (deleted) {
    throw unsupported(`its cgroup '${path}' has been removed`, {
      object: 'cgroups',
      remedy: 'move the process to a cgroup that exists',
    });
  }
  return { name: controllers.join(','), path };
}

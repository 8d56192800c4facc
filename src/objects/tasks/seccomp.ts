/**
 * seccomp(2): strict mode, or a chain of filters, of each thread. A dump reads the filters by PTRACE_SECCOMP_GET_FILTER;
 * they stay in force. A restore installs them while it may still do so, before the credentials; until the tasks are let
 * go they are suspended (PTRACE_O_SUSPEND_SECCOMP).
 */
import { IMAGES } from '../../images/catalogue.js';
import type { ImageSet } from '../../images/directory.js';
import { seccomp_mode } from '../../images/messages/core.js';
import type { seccomp_entry } from '../../images/messages/seccomp.js';
import type { MessageValue } from '../../images/schema.js';
import { asksSupervisor, type SeccompFilter } from '../../linux/seccomp.js';
import { seccomp as seccompCall } from '../../linux/syscalls/tasks.js';
import {
  SECCOMP_FILTER_FLAG_LOG,
  SECCOMP_FILTER_FLAG_SPEC_ALLOW,
  SECCOMP_FILTER_FLAG_TSYNC,
  SECCOMP_SET_MODE_FILTER,
  SECCOMP_SET_MODE_STRICT,
  SOCK_FILTER_SIZE,
  sock_fprog,
} from '../../linux/uapi/seccomp.js';
import type { Track } from '../../plan/track.js';
import { imageError, refused, unsupported } from '../../support/errors.js';
import { defineTaskState } from '../kinds.js';
import type { CoreEntry, ProcessRebuild } from '../rebuild-context.js';

type SeccompEntry = MessageValue<typeof seccomp_entry>;

/** SECCOMP_FILTER_FLAG_TSYNC of a filter in an image: the leader installs it, and all threads get it. */
export const forAllThreads = ({ program, flags }: SeccompFilter): SeccompFilter => ({
  program,
  flags: flags | SECCOMP_FILTER_FLAG_TSYNC,
});

/**
 * Chains as images hold them: each filter names the one that is installed after it, and a thread its oldest one. Equal
 * chains are there once.
 */
export class SeccompChains {
  readonly #filters: SeccompEntry['seccomp_filters'] = [];
  readonly #ids = new Map<string, number>();

  /** What thread_core_entry.seccomp_filter says. `filters`: the oldest first. */
  idOf(filters: readonly SeccompFilter[]): number {
    let next: number | undefined;
    for (const { program, flags } of [...filters].reverse()) {
      const key = `${next} ${flags} ${program.join()}`;
      let id = this.#ids.get(key);
      if (id === undefined) {
        id = this.#filters.length;
        const after = next === undefined ? {} : { prev: next };
        this.#filters.push({ filter: program, flags, ...after });
        this.#ids.set(key, id);
      }
      next = id;
    }
    return next ?? 0;
  }

  entry(): SeccompEntry {
    return { seccomp_filters: this.#filters };
  }
}

export const seccomp = defineTaskState({
  name: 'seccomp',
  scope: 'thread',
  inspect({ thread }) {
    if (thread.seccomp === undefined) return {};
    const { strict, filters } = thread.seccomp;
    if (filters.some(asksSupervisor)) {
      throw unsupported('a filter asks a supervisor (SECCOMP_RET_USER_NOTIF)', {
        remedy: 'run the program without the supervisor: its descriptor cannot be saved',
      });
    }
    return { thread_core: { seccomp_mode: strict ? seccomp_mode.strict : seccomp_mode.filter } };
  },
  rebuild(thread, { images, port }) {
    const { core, track, isLeader, process } = thread;
    if (port.own.status.Seccomp) {
      throw refused('woodfrog itself is confined by seccomp, and all that it restores would be', {
        remedy: 'run woodfrog without (in a container: --security-opt seccomp=unconfined)',
      });
    }
    if (seccompMode(core) === seccomp_mode.strict) {
      const args = { operation: SECCOMP_SET_MODE_STRICT, flags: 0, args: 0 };
      track.at('credentials').call(seccompCall, args);
      return;
    }
    const chain = chainOf(core, process, images);
    const shared = sharedLength(process, images);
    if (isLeader) {
      // All threads get the very same filters, so that the program can go on to synchronize them.
      track.at('pending signals');
      for (const filter of chain.slice(0, shared))
        install(track, filter, SECCOMP_FILTER_FLAG_TSYNC);
    }
    track.at('credentials');
    for (const filter of chain.slice(shared)) install(track, filter, 0);
  },
});

/** Older images have the leader's alone, elsewhere. */
export const seccompMode = ({ thread_core, tc }: CoreEntry): number =>
  thread_core?.seccomp_mode ?? tc?.old_seccomp_mode ?? seccomp_mode.disabled;

/** Whether any thread of the checkpoint is confined. */
export const usesSeccomp = (images: ImageSet): boolean =>
  images
    .ids(IMAGES.CORE)
    .some((id) => seccompMode(images.require(IMAGES.CORE, id)) !== seccomp_mode.disabled);

/**
 * The filters of a thread, the oldest first. Where all threads have the same, an image names them for the leader alone,
 * each with SECCOMP_FILTER_FLAG_TSYNC.
 */
function chainOf(core: CoreEntry, { threads }: ProcessRebuild, images: ImageSet): SeccompFilter[] {
  const mode = seccompMode(core);
  if (mode === seccomp_mode.filter) return namedChain(core, images);
  const leader = threads[0]?.core ?? core;
  if (mode !== seccomp_mode.disabled || seccompMode(leader) !== seccomp_mode.filter) return [];
  const chain = namedChain(leader, images);
  const last = chain.findLastIndex(({ flags }) => (flags & SECCOMP_FILTER_FLAG_TSYNC) !== 0);
  return chain.slice(0, last + 1);
}

function namedChain({ thread_core, tc }: CoreEntry, images: ImageSet): SeccompFilter[] {
  const { seccomp_filters: all } = images.get(IMAGES.SECCOMP) ?? { seccomp_filters: [] };
  const chain: SeccompFilter[] = [];
  let id = thread_core?.seccomp_filter ?? tc?.old_seccomp_filter;
  if (id === undefined)
    throw imageError('the thread has seccomp filters, and the image says not which');
  while (id !== undefined) {
    const entry: SeccompEntry['seccomp_filters'][number] | undefined = all[id];
    if (entry === undefined) throw imageError(`there is no seccomp filter ${id}`);
    const { filter, flags = 0 } = entry;
    if (filter.length === 0 || filter.length % SOCK_FILTER_SIZE !== 0) {
      throw imageError(`seccomp filter ${id} has ${filter.length} bytes, no whole instructions`);
    }
    chain.push({ program: filter, flags });
    if (chain.length > all.length) throw imageError(`seccomp filter ${id} is part of a circle`);
    id = entry.prev;
  }
  return chain;
}

/** How many filters, from the oldest on, all threads of the process have in common; 0 for a process of one. */
function sharedLength(process: ProcessRebuild, images: ImageSet): number {
  const { threads } = process;
  if (threads.length <= 1) return 0;
  const [first = [], ...others] = threads.map(({ core }) =>
    chainOf(core, process, images).map(keyOf),
  );
  const differs = first.findIndex((key, i) => others.some((chain) => chain[i] !== key));
  return differs < 0 ? first.length : differs;
}

export const keyOf = ({ program, flags }: SeccompFilter): string =>
  `${flags & SECCOMP_FILTER_FLAG_LOG} ${program.join()}`;

/** What a filter does to speculation is a state of its own, which has been restored. */
function install(track: Track, { program, flags }: SeccompFilter, further: number): void {
  const filter = track.memory.store(program);
  track.call(
    seccompCall,
    {
      operation: SECCOMP_SET_MODE_FILTER,
      flags: (flags & SECCOMP_FILTER_FLAG_LOG) | SECCOMP_FILTER_FLAG_SPEC_ALLOW | further,
      args: sock_fprog.encode({ len: program.length / SOCK_FILTER_SIZE, filter }),
    },
    // With TSYNC, the number of a thread that could not follow.
    { mustEqual: 0, object: 'seccomp filter' },
  );
}

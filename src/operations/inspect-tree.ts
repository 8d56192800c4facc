/** Every object of a frozen tree, looked at and turned into image entries. */
import type { ProcessView } from '../checkpoint/views.js';
import { ImageSet } from '../images/directory.js';
import { observeHierarchy } from '../objects/cgroups/observe.js';
import { type CgroupEntry, CgroupSets } from '../objects/cgroups/sets.js';
import { unmatched } from '../objects/files/external.js';
import { addFiles, inspectFiles } from '../objects/files/inspect.js';
import { observeFiles } from '../objects/files/observe.js';
import type { FurtherName } from '../objects/files/remaps.js';
import { terminalObstacles } from '../objects/files/tty/controlling.js';
import { taskStates } from '../objects/index.js';
import { collectSegments, inspectMemory } from '../objects/memory/inspect.js';
import { observeMemory } from '../objects/memory/observe.js';
import { readNamespaces, verifyOneTimeNamespace } from '../objects/namespaces/inside.js';
import { observeClocks } from '../objects/namespaces/time.js';
import type { ObjectOptions } from '../objects/options.js';
import { forAllThreads, keyOf, SeccompChains } from '../objects/tasks/seccomp.js';
import { defined } from '../support/assert.js';
import { gone, refused, within } from '../support/errors.js';
import type { FrozenTree } from '../tracer/freeze.js';
import { viewTree } from '../tracer/views.js';
import { addTasks } from './assemble.js';
import { type InspectedProcess, observeTasks, throwing } from './inspect-tasks.js';
import type { Session } from './session.js';
import type { TreeMemory } from './write-pages.js';

export interface InspectedTree {
  /** Those of files; `complete` adds the others. */
  images: ImageSet;
  memory: TreeMemory;
  processes: ProcessView[];
  /** What the user leaves out, and nothing in the tree is. */
  unmatched: readonly string[];
  /** To be made before the images are written. */
  furtherNames: readonly FurtherName[];
  /** Pure: adds what the tasks answered to the images, or refuses it. The tree may be running again. */
  complete(): void;
}

/** Every object of the tree, looked at; page contents are still where they were. */
export function inspectTree(tree: FrozenTree, session: Session): InspectedTree {
  const { port } = session;
  const processes = viewTree(tree);
  const root = livingRoot(processes);
  refuseForeignSession(root, port.options);
  learnLayout(session, processes);
  const alive = processes.filter(({ state }) => state === 'alive');
  verifyOneTimeNamespace(
    alive.map(({ pid, task, comm }) => ({
      pid,
      comm,
      inside: readNamespaces(port, `/proc/${task}`, ['time']),
    })),
  );
  const clocks = observeClocks(port, root.task);
  const observed = observeFiles(port, processes);
  const [obstacle] = terminalObstacles(processes, observed);
  if (obstacle) throw obstacle;
  const inspectTasks = observeTasks(tree, processes, {
    port,
    gadgets: session.gadgets,
    states: taskStates,
    onObject: throwing,
  });
  const inspectCgroups = observeCgroups(port, alive);
  const files = inspectFiles(observed, { options: port.options });
  const vmIds = new Map(files.processes.map(({ process, ids }) => [process, ids.vm_id]));
  const memory = alive.map((process) => {
    const seen = observeMemory(port, process);
    return {
      process,
      memory: inspectMemory(seen, mappedFiles(files.registry)),
      vm_id: defined(vmIds.get(process), `pid ${process.pid} has no ids`),
      bytes: seen.anonymousBytes,
    };
  });
  const segments = [
    ...collectSegments(memory.map((one) => one.memory)),
    ...files.registry.memfds.segments(),
  ];
  // The kernel's random UUID: node:crypto takes 6 ms to load.
  const runId = port.readText('/proc/sys/kernel/random/uuid').trim();
  const images = new ImageSet();
  addFiles(images, files);
  return {
    images,
    memory: { processes: memory, segments },
    processes,
    unmatched: unmatched(
      port.options.external,
      observed.descriptions.map(({ view }) => view),
    ),
    furtherNames: files.registry.remaps.names,
    complete() {
      const tasks = inspectTasks();
      const cgroups = inspectCgroups(tasks);
      const seccomp = inspectSeccomp(tasks);
      addTasks(images, { processes, tasks, files, memory, clocks, cgroups, seccomp, runId });
    },
  };
}

/** The root of the tree; a zombie is none. */
export function livingRoot(processes: readonly ProcessView[]): ProcessView {
  const root = defined(processes[0], 'a tree has a root');
  if (root.state === 'alive') return root;
  throw gone('the process has ended, and waits for its parent to collect its status', {
    ...{ pid: root.pid, comm: root.comm, object: 'zombie' },
  });
}

/**
 * Reads which cgroups each thread is in. What it answers notes them in the threads' entries, as a number of their set,
 * and gives the image, if any is not where woodfrog is.
 */
function observeCgroups(
  port: Session['port'],
  processes: readonly ProcessView[],
): (tasks: readonly InspectedProcess[]) => CgroupEntry | undefined {
  const { cgroups } = port.options;
  const sets = new CgroupSets(port.own.cgroups, cgroups);
  const ids = new Map<number, number>();
  for (const { pid, comm, threads } of processes) {
    for (const { tid } of threads) {
      const text = port.readText(`/proc/${pid}/task/${tid}/cgroup`);
      ids.set(
        tid,
        within({ pid: tid, comm }, () => sets.idOf(text)),
      );
    }
  }
  const entry = sets.entry((hierarchy) =>
    cgroups.mode === 'ignore' ? [] : observeHierarchy(port, hierarchy, cgroups),
  );
  return (tasks) => {
    for (const { process, cores } of tasks) {
      for (const { tid, vtid } of process.threads) {
        const { thread_core } = cores.get(vtid) ?? {};
        if (thread_core) thread_core.cg_set = defined(ids.get(tid), `tid ${tid} has no cgroups`);
      }
      // The kernel has moved a leader that has ended to the roots.
      const leader = process.endedLeader && cores.get(process.vpid)?.thread_core;
      const first = cores.get(process.threads[0]?.vtid ?? 0)?.thread_core;
      if (leader && first?.cg_set !== undefined) leader.cg_set = first.cg_set;
    }
    return entry;
  };
}

/** The filters of all threads, and in each thread's image where its chain begins. */
function inspectSeccomp(tasks: readonly InspectedProcess[]): SeccompChains {
  const chains = new SeccompChains();
  for (const { process, cores } of tasks) {
    const { threads, vpid } = process;
    const isCommon = haveSameFilters(process);
    for (const { vtid, seccomp } of threads) {
      const { thread_core } = cores.get(vtid) ?? {};
      if (!thread_core || !seccomp || seccomp.strict) continue;
      const { filters } = seccomp;
      if (isCommon && vtid !== vpid) delete thread_core.seccomp_mode;
      else
        thread_core.seccomp_filter = chains.idOf(isCommon ? filters.map(forAllThreads) : filters);
    }
  }
  return chains;
}

/** Then they are told of the leader alone, for all of its threads. */
function haveSameFilters({ threads, endedLeader }: ProcessView): boolean {
  const keys = threads.map(({ seccomp }) => seccomp?.filters.map(keyOf).join('\n'));
  return !endedLeader && keys[0] !== undefined && keys.every((key) => key === keys[0]);
}

/** Where this processor keeps extended registers: asked of it for the components that a task shows. */
export function learnLayout({ port, stubs }: Session, processes: readonly ProcessView[]): void {
  const thread = processes.flatMap(({ threads }) => threads)[0];
  if (thread) port.xstateLayout = stubs.xstateLayout(thread.xstate);
}

/** Ids of mapped files come from the same registry as those of open ones. */
export const mappedFiles = (
  registry: ReturnType<typeof inspectFiles>['registry'],
): Parameters<typeof inspectMemory>[1] => ({
  path: ({ mapping }) => registry.mapped(mapping),
});

/** A session or group whose leader is outside the tree cannot be made again there; a job gets another. */
export function refuseForeignSession(root: ProcessView, { shellJob }: ObjectOptions): void {
  if (root.vsid === root.vpid || shellJob) return;
  throw refused(
    `the root of the tree is in session ${root.vsid}, whose leader is outside the tree: it is a job of a shell`,
    {
      pid: root.pid,
      comm: root.comm,
      object: 'session',
      remedy:
        'dump and restore it with --shell-job (-j), or start it in a session of its own: setsid PROGRAM < /dev/null > LOG 2>&1 &',
    },
  );
}

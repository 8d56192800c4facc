/** Every object of a frozen tree, looked at and turned into image entries. */
import type { ProcessView } from '../checkpoint/views.js';
import type { ImageSet } from '../images/directory.js';
import { type CgroupEntry, CgroupSets } from '../objects/cgroups/sets.js';
import { inspectFiles } from '../objects/files/inspect.js';
import { observeFiles } from '../objects/files/observe.js';
import type { FurtherName } from '../objects/files/remaps.js';
import { taskStates } from '../objects/index.js';
import { collectSegments, inspectMemory } from '../objects/memory/inspect.js';
import { observeMemory } from '../objects/memory/observe.js';
import { readNamespaces, verifyOneTimeNamespace } from '../objects/namespaces/inside.js';
import { observeClocks } from '../objects/namespaces/time.js';
import { defined } from '../support/assert.js';
import { refused, within } from '../support/errors.js';
import type { FrozenTree } from '../tracer/freeze.js';
import { viewTree } from '../tracer/views.js';
import { assemble } from './assemble.js';
import { type InspectedProcess, inspectTasks, throwing } from './inspect-tasks.js';
import type { Session } from './session.js';
import type { TreeMemory } from './write-pages.js';

export interface InspectedTree {
  images: ImageSet;
  memory: TreeMemory;
  processes: ProcessView[];
  /** To be made before the images are written. */
  furtherNames: readonly FurtherName[];
}

/** Every object of the tree, turned into image entries; page contents are still where they were. */
export function inspectTree(tree: FrozenTree, session: Session): InspectedTree {
  const { port } = session;
  const processes = viewTree(tree);
  const root = defined(processes[0], 'a tree has a root');
  refuseForeignSession(root);
  learnLayout(session, processes);
  verifyOneTimeNamespace(
    processes
      .filter(({ state }) => state === 'alive')
      .map(({ pid, comm }) => ({
        pid,
        comm,
        inside: readNamespaces(port, `/proc/${pid}`, ['time']),
      })),
  );
  const clocks = observeClocks(port, root.pid);
  const observed = observeFiles(port, processes);
  const tasks = inspectTasks(tree, processes, {
    port,
    states: taskStates,
    onObject: throwing,
  });
  const cgroups = inspectCgroups(port, tasks);
  const files = inspectFiles(observed, { options: port.options });
  const memory = tasks.map(({ process }) => ({
    process,
    memory: inspectMemory(observeMemory(port, process), mappedFiles(files.registry)),
  }));
  const segments = collectSegments(memory.map((one) => one.memory));
  const images = assemble({ processes, tasks, files, memory, clocks, cgroups });
  const furtherNames = files.registry.remaps.names;
  return { images, memory: { processes: memory, segments }, processes, furtherNames };
}

/** Which cgroups each thread is in, as a number of its set; the image, if any is not where woodfrog is. */
function inspectCgroups(
  port: Session['port'],
  tasks: readonly InspectedProcess[],
): CgroupEntry | undefined {
  const sets = new CgroupSets(port.own.cgroups);
  for (const { process, cores } of tasks) {
    for (const { tid, vtid } of process.threads) {
      const { thread_core } = cores.get(vtid) ?? {};
      const text = port.readText(`/proc/${process.pid}/task/${tid}/cgroup`);
      const place = { pid: tid, comm: process.comm };
      if (thread_core) thread_core.cg_set = within(place, () => sets.idOf(text));
    }
  }
  return sets.entry();
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
  path: ({ process, mapStart }) => {
    const mapping = process.mappings.find(({ start }) => start === mapStart);
    return registry.mapped(defined(mapping, 'a mapped file has a mapping'));
  },
});

/** A session or group whose leader is outside the tree cannot be made again there. */
export function refuseForeignSession(root: ProcessView): void {
  if (root.vsid === root.vpid) return;
  throw refused(
    `the root of the tree is in session ${root.vsid}, whose leader is outside the tree`,
    {
      pid: root.pid,
      comm: root.comm,
      object: 'session',
      remedy:
        'start the program in a session of its own: setsid PROGRAM < /dev/null > LOG 2>&1 (shell jobs, --shell-job, are not supported yet)',
    },
  );
}

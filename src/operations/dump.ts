/** Dump: freeze the tree, look at every object, write the images, and only then let go of the tasks, or kill them. */
import { verifyCheckpoint } from '../checkpoint/verify.js';
import type { ProcessView } from '../checkpoint/views.js';
import { HostImageStore } from '../host/image-store.js';
import { type ImageSet, writeImageSet } from '../images/directory.js';
import { type CgroupEntry, CgroupSets } from '../objects/cgroups/sets.js';
import { inspectFiles } from '../objects/files/inspect.js';
import { observeFiles } from '../objects/files/observe.js';
import { taskStates } from '../objects/index.js';
import { collectSegments, inspectMemory } from '../objects/memory/inspect.js';
import { observeMemory } from '../objects/memory/observe.js';
import { observeClocks } from '../objects/namespaces/time.js';
import type { DumpOptions } from '../options/types.js';
import { defined } from '../support/assert.js';
import { PAGE_SIZE, pid } from '../support/brand.js';
import { refused, within } from '../support/errors.js';
import { type FrozenTree, freezeTree } from '../tracer/freeze.js';
import { viewTree } from '../tracer/views.js';
import { assemble } from './assemble.js';
import { explainDump } from './explain-dump.js';
import { type InspectedProcess, inspectTasks, throwing } from './inspect-tasks.js';
import { killTree, stopTree } from './let-go.js';
import { writeDumpStats, writePidfile } from './reports.js';
import { microsecondsSince, Session } from './session.js';
import type { Dump, Dumped, DumpStats, OperationEnv } from './types.js';
import { type PageCounts, type ProcessMemory, type TreeMemory, writePages } from './write-pages.js';

export const dump: Dump = (options, env) =>
  within({ doing: 'dump' }, () =>
    options.explain ? explainDump(options, env) : dumpTree(options, env),
  );

function dumpTree(options: DumpOptions, env: OperationEnv): Dumped {
  using session = new Session(env, 'dump');
  const { host, interrupts } = session;
  refuseOurselves(options.pid);
  using store = new HostImageStore(host, options.imagesDir, { sync: options.sync });
  store.begin();
  try {
    return freezeAndWrite(options, env, { session, store });
  } catch (error) {
    interrupts.disarm();
    store.discard();
    throw error;
  }
}

interface Means {
  session: Session;
  store: HostImageStore;
}

function freezeAndWrite(
  options: DumpOptions,
  env: OperationEnv,
  { session, store }: Means,
): Dumped {
  const { host, interrupts } = session;
  const started = performance.now();
  interrupts.arm(options.timeoutSec);
  using tree = freezeTree(host, pid(options.pid), interrupts);
  const freezing_time = microsecondsSince(started);
  env.log.info('dump', `Froze ${tree.processes.length} processes, ${tree.threads.length} threads`);
  const frozen = performance.now();
  const { images, memory, processes } = inspectTree(tree, session);
  verifyCheckpoint(images);
  // From here on the time goes into pages: only a person ends that.
  interrupts.arm(0, { ticking: true });
  const writing = performance.now();
  const counts = writeAllPages(memory, env, { session, store });
  const memwrite_time = microsecondsSince(writing);
  writeImageSet(images, store);
  store.sync();
  const root = defined(processes[0], 'a tree has a root');
  writePidfile(options.pidfile, root.pid);
  finish(tree, options);
  const stats = statsOf(counts, {
    freezing_time,
    frozen_time: microsecondsSince(frozen),
    memdump_time: memwrite_time,
    memwrite_time,
  });
  writeDumpStats(host, options.workDir, stats);
  const taskCount = processes.reduce((sum, { threads }) => sum + threads.length, 0);
  return { kind: 'dumped', pid: root.pid, taskCount, stats };
}

/** Every object of the tree, turned into image entries; page contents are still where they were. */
function inspectTree(
  tree: FrozenTree,
  session: Session,
): { images: ImageSet; memory: TreeMemory; processes: ProcessView[] } {
  const { port } = session;
  const processes = viewTree(tree);
  const root = defined(processes[0], 'a tree has a root');
  refuseForeignSession(root);
  learnLayout(session, processes);
  const clocks = observeClocks(port, root.pid);
  const observed = observeFiles(port, processes);
  const tasks = inspectTasks(tree, processes, {
    port,
    states: taskStates,
    onObject: throwing,
  });
  const cgroups = inspectCgroups(port, tasks);
  const files = inspectFiles(observed);
  const memory = tasks.map(({ process }) => ({
    process,
    memory: inspectMemory(observeMemory(port, process), mappedFiles(files.registry)),
  }));
  const segments = collectSegments(memory.map((one) => one.memory));
  const images = assemble({ processes, tasks, files, memory, clocks, cgroups });
  return { images, memory: { processes: memory, segments }, processes };
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

function refuseOurselves(target: number): void {
  if (target === process.pid) {
    throw refused('woodfrog cannot checkpoint itself', { pid: target });
  }
}

function writeAllPages(
  memory: TreeMemory,
  { progress }: OperationEnv,
  { session, store }: Means,
): PageCounts {
  const totalBytes = progress ? residentBytes(session, memory.processes) : 0;
  let doneBytes = 0;
  return writePages(session.host, store, memory, (bytes) => {
    doneBytes += bytes;
    progress?.({ phase: 'writing pages', doneBytes, totalBytes: Math.max(totalBytes, doneBytes) });
    session.interrupts.check(() => 'pages to be written');
  });
}

/** /proc/PID/statm: the second number is the resident pages; only for the progress shown. */
function residentBytes({ port }: Session, memory: readonly ProcessMemory[]): number {
  let pages = 0;
  for (const { process } of memory) {
    pages += Number(port.readText(`/proc/${process.pid}/statm`).split(' ')[1]);
  }
  return pages * PAGE_SIZE;
}

function finish(tree: FrozenTree, options: DumpOptions): void {
  if (options.leaveStopped) stopTree(tree);
  if (options.leaveRunning || options.leaveStopped) tree.thaw();
  else killTree(tree);
}

const statsOf = (
  { written, shared }: PageCounts,
  times: Pick<DumpStats, 'freezing_time' | 'frozen_time' | 'memdump_time' | 'memwrite_time'>,
): DumpStats => ({
  ...times,
  pages_scanned: written,
  pages_skipped_parent: 0,
  pages_written: written,
  irmap_resolve: 0,
  pages_lazy: 0,
  page_pipes: 0,
  page_pipe_bufs: 0,
  shpages_scanned: shared,
  shpages_skipped_parent: 0,
  shpages_written: shared,
});

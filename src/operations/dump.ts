/** Dump: freeze the tree, look at every object, write the images, and only then let go of the tasks, or kill them. */
import { verifyCheckpoint } from '../checkpoint/verify.js';
import { HostImageStore } from '../host/image-store.js';
import { Spool } from '../host/spool.js';
import { IMAGES, identifyImage } from '../images/catalogue.js';
import { writeImageSet } from '../images/directory.js';
import { LinkRemaps } from '../objects/files/link-remap.js';
import type { DumpOptions } from '../options/types.js';
import { defined } from '../support/assert.js';
import { pid } from '../support/brand.js';
import { monotonicMs } from '../support/clock.js';
import { refused, within } from '../support/errors.js';
import { type FrozenTree, freezeTree } from '../tracer/freeze.js';
import { recordCpu } from './cpu.js';
import { explainDump } from './explain-dump.js';
import { holdCgroup } from './hold-cgroup.js';
import { inspectTree } from './inspect-tree.js';
import { saveLateSignals } from './late-signals.js';
import { killTree, stopTree } from './let-go.js';
import { residentBytes } from './page-progress.js';
import { rehearse } from './rehearse.js';
import { writePidfile, writeStats } from './reports.js';
import { microsecondsSince, Session } from './session.js';
import type { Dump, Dumped, DumpStats, OperationEnv } from './types.js';
import { Undo } from './undo.js';
import { type PageCounts, type TreeMemory, writeGhosts, writePages } from './write-pages.js';

export const dump: Dump = (options, env) =>
  within({ doing: 'dump' }, () =>
    options.explain ? explainDump(options, env) : dumpTree(options, env),
  );

function dumpTree(options: DumpOptions, env: OperationEnv): Dumped {
  using session = new Session(env, 'dump');
  refuseOurselves(options.pid);
  using store = new HostImageStore(session.host, options.imagesDir, { sync: options.sync });
  return freezeAndWrite(options, env, { session, store });
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
  session.port.options = options;
  if (hasMany(session.port, options.pid)) env.manyObjects?.();
  rehearse(session, pid(options.pid));
  const started = monotonicMs();
  using undo = new Undo();
  interrupts.arm(options.timeoutSec);
  using hold = holdCgroup(session, options.freezeCgroup);
  using tree = freezeTree(host, pid(options.pid), { interrupts, hold });
  tree.refusesSeccompWindow = options.refuseSeccompWindow;
  const freezing_time = microsecondsSince(started);
  if (tree.processes.length > MANY_PROCESSES) env.manyObjects?.();
  env.log.info('dump', `Froze ${tree.processes.length} processes, ${tree.threads.length} threads`);
  const frozen = monotonicMs();
  const inspected = inspectTree(tree, session);
  const { images, memory, processes, furtherNames } = inspected;
  for (const resource of inspected.unmatched) {
    env.log.warn('dump', `Nothing in the tree is '${resource}', which --external leaves out`);
  }
  const complete = (): void => {
    inspected.complete();
    verifyCheckpoint(images);
    recordCpu(images, session.stubs, options.cpuCaps);
  };
  // A program that goes on need not wait for it: a refusal comes late then, and takes away what was written.
  if (!options.leaveRunning) complete();
  const links = new LinkRemaps(session.port);
  undo.add(() => links.undo());
  links.make(furtherNames);
  // From here on the time goes into pages: only a person ends that.
  interrupts.arm(0, { ticking: true });
  // What is in the folder stays as long as this dump may still be refused.
  store.begin(isStale);
  undo.add(() => store.discard());
  const writing = monotonicMs();
  using spool = options.leaveRunning ? new Spool(host) : undefined;
  const counts = writeAllPages(memory, env, { session, store, spool });
  writeGhosts(images, store);
  const memwrite_time = microsecondsSince(writing);
  // Tasks that live on have them themselves.
  if (!options.leaveRunning && !options.leaveStopped) saveLateSignals(tree, processes, images);
  // All that is left is in our memory, or in pipes of ours: a program that goes on need not wait until it is written.
  if (options.leaveRunning) tree.thaw();
  const thawed = monotonicMs();
  if (options.leaveRunning) complete();
  spool?.writeTo(store);
  writeImageSet(images, store);
  store.sync();
  const root = defined(processes[0], 'a tree has a root');
  writePidfile(options.pidfile, root.pid, undo);
  const stats = statsOf(counts, {
    freezing_time,
    frozen_time: Math.round(((options.leaveRunning ? thawed : monotonicMs()) - frozen) * 1000),
    memdump_time: memwrite_time,
    memwrite_time,
  });
  writeStats(host, options.workDir, { dump: stats }, undo);
  interrupts.check(() => 'the tree to be let go');
  finish(tree, options, session);
  undo.forget();
  const taskCount = processes.reduce((sum, { threads }) => sum + threads.length, 0);
  return { kind: 'dumped', pid: root.pid, taskCount, stats };
}

const MANY_PROCESSES = 20;
const MANY_THREADS = 100;
const MANY_FILES = 200;
/** /proc/PID/maps has some 100 bytes for each. */
const MANY_MAPS_BYTES = 100_000;

/** Whether the root alone makes for much to go through. A look that fails is repeated later, and then says why. */
function hasMany(port: Session['port'], root: number): boolean {
  const count = (folder: string): number => {
    const names = port.attemptReadDir(`/proc/${root}/${folder}`);
    return typeof names === 'number' ? 0 : names.length;
  };
  const maps = port.attemptReadBytes(`/proc/${root}/maps`);
  return (
    count('task') > MANY_THREADS ||
    count('fd') > MANY_FILES ||
    (typeof maps === 'object' && maps.length > MANY_MAPS_BYTES)
  );
}

/** Of an earlier checkpoint, and in the way: a restore reads every image that is there. */
const isStale = (name: string): boolean => {
  const found = identifyImage(name);
  return found !== undefined && found.image !== IMAGES.STATS;
};

function refuseOurselves(target: number): void {
  if (target === process.pid) {
    throw refused('woodfrog cannot checkpoint itself', { pid: target });
  }
}

function writeAllPages(
  memory: TreeMemory,
  { progress }: OperationEnv,
  { session, store, spool }: Means & { spool: Spool | undefined },
): PageCounts {
  const totalBytes = progress
    ? memory.processes.reduce(
        (sum, { process }) => sum + residentBytes(session.port, process.task),
        0,
      )
    : 0;
  let doneBytes = 0;
  const onBytes = (bytes: number): void => {
    doneBytes += bytes;
    progress?.({ phase: 'writing pages', doneBytes, totalBytes: Math.max(totalBytes, doneBytes) });
    session.interrupts.check(() => 'pages to be written');
  };
  return writePages(session.host, { store, spool }, { ...memory, onBytes });
}

/** The commit: whatever throws here has left the tree as it was. */
function finish(
  tree: FrozenTree,
  { leaveRunning, leaveStopped }: DumpOptions,
  { stubs }: Session,
): void {
  if (leaveStopped) stopTree(tree);
  if (leaveStopped) tree.thaw();
  else if (!leaveRunning) killTree(tree, stubs);
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

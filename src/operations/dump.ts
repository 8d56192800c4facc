/** Dump: freeze the tree, look at every object, write the images, and only then let go of the tasks, or kill them. */
import { verifyCheckpoint } from '../checkpoint/verify.js';
import { HostImageStore } from '../host/image-store.js';
import { writeImageSet } from '../images/directory.js';
import { LinkRemaps } from '../objects/files/link-remap.js';
import type { DumpOptions } from '../options/types.js';
import { defined } from '../support/assert.js';
import { pid } from '../support/brand.js';
import { monotonicMs } from '../support/clock.js';
import { refused, within } from '../support/errors.js';
import { type FrozenTree, freezeTree } from '../tracer/freeze.js';
import { explainDump } from './explain-dump.js';
import { inspectTree } from './inspect-tree.js';
import { killTree, stopTree } from './let-go.js';
import { residentBytes } from './page-progress.js';
import { rehearse } from './rehearse.js';
import { writeDumpStats, writePidfile } from './reports.js';
import { microsecondsSince, Session } from './session.js';
import type { Dump, Dumped, DumpStats, OperationEnv } from './types.js';
import { type PageCounts, type TreeMemory, writeGhosts, writePages } from './write-pages.js';

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
  session.port.options = options;
  rehearse(session, pid(options.pid));
  const started = monotonicMs();
  interrupts.arm(options.timeoutSec);
  using tree = freezeTree(host, pid(options.pid), interrupts);
  const freezing_time = microsecondsSince(started);
  env.log.info('dump', `Froze ${tree.processes.length} processes, ${tree.threads.length} threads`);
  const frozen = monotonicMs();
  const { images, memory, processes, furtherNames } = inspectTree(tree, session);
  verifyCheckpoint(images);
  using links = new LinkRemaps(session.port);
  links.make(furtherNames);
  // From here on the time goes into pages: only a person ends that.
  interrupts.arm(0, { ticking: true });
  const writing = monotonicMs();
  const counts = writeAllPages(memory, env, { session, store });
  writeGhosts(images, store);
  const memwrite_time = microsecondsSince(writing);
  // All that is left is in our memory, or in pipes of ours: a program that goes on need not wait until it is written.
  if (options.leaveRunning) tree.thaw();
  const thawed = monotonicMs();
  writeImageSet(images, store);
  store.sync();
  const root = defined(processes[0], 'a tree has a root');
  writePidfile(options.pidfile, root.pid);
  links.keep();
  finish(tree, options);
  const stats = statsOf(counts, {
    freezing_time,
    frozen_time: Math.round(((options.leaveRunning ? thawed : monotonicMs()) - frozen) * 1000),
    memdump_time: memwrite_time,
    memwrite_time,
  });
  writeDumpStats(host, options.workDir, stats);
  const taskCount = processes.reduce((sum, { threads }) => sum + threads.length, 0);
  return { kind: 'dumped', pid: root.pid, taskCount, stats };
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
  const totalBytes = progress
    ? memory.processes.reduce(
        (sum, { process }) => sum + residentBytes(session.port, process.task),
        0,
      )
    : 0;
  let doneBytes = 0;
  return writePages(session.host, store, memory, (bytes) => {
    doneBytes += bytes;
    progress?.({ phase: 'writing pages', doneBytes, totalBytes: Math.max(totalBytes, doneBytes) });
    session.interrupts.check(() => 'pages to be written');
  });
}

function finish(tree: FrozenTree, options: DumpOptions): void {
  if (options.leaveStopped) stopTree(tree);
  if (options.leaveStopped) tree.thaw();
  else if (!options.leaveRunning) killTree(tree);
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

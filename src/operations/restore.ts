/**
 * Restore: read and verify the images, look at this host, compile a plan, run it. Until the commit everything that was
 * born dies with us; a failure leaves nothing behind.
 */

import type { XstateLayout } from '../arch/arch.js';
import { refuseUnsupported } from '../checkpoint/unsupported-entries.js';
import { readVerified } from '../checkpoint/verify-store.js';
import { readText } from '../host/files.js';
import type { Host } from '../host/host.js';
import { HostImageStore } from '../host/image-store.js';
import { getXstate } from '../host/ptrace.js';
import { IMAGES } from '../images/catalogue.js';
import type { ImageSet } from '../images/directory.js';
import { imageName } from '../images/image.js';
import type { ImageStore } from '../images/store.js';
import { parseMaps } from '../linux/procfs/maps.js';
import { signalName } from '../linux/signal.js';
import { prctl } from '../linux/syscalls/tasks.js';
import { PR_GET_CHILD_SUBREAPER, PR_SET_CHILD_SUBREAPER } from '../linux/uapi/prctl.js';
import { fileKinds, resourceImages } from '../objects/index.js';
import type { HostStepPort, RebuildInputs, Vdso32 } from '../objects/rebuild-context.js';
import { has32BitCode } from '../objects/tasks/code-width.js';
import { usesSeccomp } from '../objects/tasks/seccomp.js';
import type { RestoreOptions } from '../options/types.js';
import { printPlan } from '../plan/print.js';
import { verifyPlan } from '../plan/verify.js';
import { defined } from '../support/assert.js';
import { monotonicMs } from '../support/clock.js';
import { refused, within } from '../support/errors.js';
import { endPuppet, type Puppet, startPuppet } from '../tracer/puppet.js';
import { PlanRun } from '../tracer/run.js';
import { learnVdso32 } from '../tracer/vdso32.js';
import { type Compiled, compile, vdsoSyscalls } from './compile.js';
import { verifyCpu } from './cpu.js';
import { EndedTasks } from './ended-tasks.js';
import { execute } from './execute.js';
import { InheritedFds, openImages, restoredLimit } from './inherited-fds.js';
import { ObjectPort } from './object-port.js';
import { pageProgress } from './page-progress.js';
import { writePidfile, writeStats } from './reports.js';
import { microsecondsSince, Session } from './session.js';
import { OwnTerminals } from './terminal-host.js';
import type { OperationEnv, Restore, RestoreReport, RestoreStats } from './types.js';
import { Undo } from './undo.js';
import { waitForEnd } from './wait.js';

export const restore: Restore = (options, env) =>
  within({ doing: 'restore' }, () => restoreTree(options, env));

/** How long restoring may take before it is given up: reading pages is the longest part. */
const RESTORE_SEC = 600;

/** A process has some ten images. */
const MANY_IMAGES = 200;
/** A mapping takes some 50 bytes of its image, a file a hundred. */
const MANY_BYTES = 50_000;

/** Whether the checkpoint makes for much to go through. */
function hasMany(store: HostImageStore): boolean {
  const names = store.list();
  if (names.length > MANY_IMAGES) return true;
  return names.some((name) => {
    if (name !== FILES && !name.startsWith('mm-')) return false;
    const image = store.open(name);
    image?.close();
    return image !== undefined && image.size > MANY_BYTES;
  });
}

const FILES = imageName(IMAGES.FILES, undefined);

function restoreTree(options: RestoreOptions, env: OperationEnv): RestoreReport {
  const started = monotonicMs();
  const { log } = env;
  using session = new Session(env, 'restore');
  const { host, interrupts } = session;
  using store = new HostImageStore(host, options.imagesDir, { sync: false });
  if (hasMany(store)) env.manyObjects?.();
  const images = readVerified(store);
  refuseImpossible(images, session, options);
  interrupts.arm(RESTORE_SEC, { ticking: true });
  using undo = new Undo();
  using _parent = adoptOrphans(host);
  using _limit = restoredLimit(host);
  using inherited = new InheritedFds(session, images, openImages(store));
  using terminals = new OwnTerminals(session);
  using ended = new EndedTasks(session);
  const puppet = startPuppet(host, {
    stubs: session.stubs,
    interrupts,
    sibling: options.sibling,
    suspendSeccomp: usesSeccomp(images),
  });
  log.info('restore', `First puppet is pid ${puppet.pid}`);
  let run: PlanRun<HostStepPort> | undefined;
  try {
    const facts = lookAt(puppet, session, images);
    const compiled = compile({
      images,
      store,
      ...facts,
      options,
      port: session.port,
      controlFd: inherited.controlFd,
      hostImageFd: (name) => store.fdOf(name),
      terminalHost: terminals,
      inherited: inheritedResources(options),
      hostEndedPidfds: (count) => ended.pidfds(count),
      hostGoneFile: (at) => ended.file(at),
    });
    verifyPlan(compiled.plan, { first: compiled.births.first.track });
    if (options.explain) {
      abortPuppet(session, puppet);
      return { kind: 'explained', plan: printPlan(compiled.plan).trimEnd().split('\n') };
    }
    run = newRun(session, compiled, { puppet, planFd: inherited.planFd, store, env, ...facts });
    const forked = monotonicMs();
    run.build();
    const root = defined(compiled.processes[0], 'a tree has a root');
    writePidfile(options.pidfile, root.vpid, undo);
    const stats = statsOf(started, forked);
    writeStats(host, options.workDir, { restore: stats }, undo);
    interrupts.check(() => 'the tree to be let go');
    run.commit({ leaveStopped: options.leaveStopped });
    undo.forget();
    run.afterwards(tellIn(log));
    return {
      kind: 'restored',
      pid: root.vpid,
      taskCount: compiled.plan.tasks.filter(({ final }) => final !== undefined).length,
      stats,
      wait: () => waitForEnd(root.vpid, { job: compiled.job }),
      exec: execute,
    };
  } catch (error) {
    cleanUp(log, () => (run ? run.abort() : abortPuppet(session, puppet)));
    throw error;
  } finally {
    run?.[Symbol.dispose]();
  }
}

/** What the kernel gives every task here: asked of the first puppet. */
function lookAt(
  puppet: Puppet,
  { host, stubs, port, interrupts }: Session,
  images: ImageSet,
): Pick<RebuildInputs, 'puppetMappings'> & { vdso32: Vdso32 | undefined } {
  port.xstateLayout = stubs.xstateLayout(getXstate(host, puppet.pid));
  const vdso32 = has32BitCode(images) ? learnVdso32(host, { puppet, interrupts }) : undefined;
  return { puppetMappings: puppet.mappings, vdso32 };
}

const inheritedResources = ({ inheritFd }: RestoreOptions): Map<string, number> =>
  new Map(inheritFd.map(({ fd, resource }) => [resource, fd]));

/** What can be told from the images alone, before anything is started. */
function refuseImpossible(images: ImageSet, { stubs }: Session, options: RestoreOptions): void {
  const fileTypes = fileKinds.map(({ fdType }) => fdType);
  refuseUnsupported(images, { fileTypes, images: resourceImages });
  verifyCpu(images, stubs, options.cpuCaps);
  if (options.detached && !options.sibling) refuseOrphanSignal(images);
}

const tellIn =
  (log: OperationEnv['log']) =>
  (what: string, error: unknown): void =>
    log.error('restore', `Restored, but not: ${what}: ${String(error)}`);

const statsOf = (startedMs: number, forkedMs: number): RestoreStats => ({
  pages_compared: 0,
  pages_skipped_cow: 0,
  forking_time: Math.round((forkedMs - startedMs) * 1000),
  restore_time: microsecondsSince(startedMs),
});

/** Runs the plan's own steps with a port, and finds the vdso's `syscall` for the end. */
function newRun(
  { host, interrupts, stubs, port }: Session,
  { plan, births, processes }: Compiled,
  {
    puppet,
    planFd,
    store,
    env,
    vdso32,
  }: {
    puppet: Puppet;
    planFd: number;
    store: ImageStore;
    env: OperationEnv;
    vdso32: Vdso32 | undefined;
  },
): PlanRun<HostStepPort> {
  const syscalls = vdsoSyscalls(processes, { vdso: ownVdso(host), vdso32 });
  return new PlanRun<HostStepPort>(host, plan, {
    puppet,
    first: births.first.track,
    planFd,
    interrupts,
    stubs,
    port: (run) => new StepPort(host, run, port.xstateLayout),
    vdsoSyscall: (process) => defined(syscalls.get(process), `pid ${process} has no vdso`),
    onStage: (stage) => env.log.debug('restore', `Stage '${stage}'`),
    ...(env.progress && {
      onWait: pageProgress({
        port,
        store,
        pids: processes.map(({ vpid }) => vpid),
        report: env.progress,
      }),
    }),
  });
}

/** What host steps may use: the host's calls, and the run's tasks. */
class StepPort extends ObjectPort implements HostStepPort {
  readonly #run: PlanRun<HostStepPort>;

  constructor(host: Host, run: PlanRun<HostStepPort>, layout: XstateLayout) {
    super(host, { layout });
    this.#run = run;
  }

  pidOf(vpid: number): number {
    return this.#run.pidOf(vpid);
  }

  waitEnded(vpids: readonly number[]): void {
    this.#run.waitEnded(vpids);
  }
}

/** The bytes of this process's vdso: the same for every 64-bit process of this kernel. */
function ownVdso(host: Host): Uint8Array {
  const mapping = parseMaps(readText(host, '/proc/self/maps')).find(
    ({ label }) => label === '[vdso]',
  );
  if (mapping === undefined) {
    throw refused('this process has no vdso', { remedy: 'boot the kernel without vdso=0' });
  }
  return host.ffi.view(mapping.start, mapping.end - mapping.start);
}

/** woodfrog is the root's parent until it ends: with -d, at once, and the kernel would send the signal then. */
function refuseOrphanSignal(images: ImageSet): void {
  const [root] = images.many(IMAGES.PSTREE);
  if (root === undefined) return;
  const { tc, thread_core } = images.require(IMAGES.CORE, root.pid);
  const signal = thread_core?.pdeath_sig ?? 0;
  if (signal === 0) return;
  throw refused(`it wants ${signalName(signal)} when its parent dies, and its parent would be us`, {
    object: 'parent-death signal',
    pid: root.pid,
    comm: tc?.comm ?? '?',
    remedy: 'restore it in the foreground, without -d, or with --restore-sibling',
  });
}

/** What goes wrong in cleaning up is told, and does not hide why it was needed. */
function cleanUp(log: OperationEnv['log'], abort: () => void): void {
  try {
    abort();
  } catch (error) {
    log.error('restore', `The half-restored tree may not be gone: ${String(error)}`);
  }
}

/** Until the scope ends, orphans of the half-built tree become our children: a failure can reap them. */
function adoptOrphans(host: Host): Disposable {
  using scope = host.scope();
  const before = scope.alloc(4);
  host.call(prctl, { ...NO_ARGS, option: PR_GET_CHILD_SUBREAPER, arg2: before });
  const was = before.bytes[0] ?? 0;
  host.call(prctl, { ...NO_ARGS, option: PR_SET_CHILD_SUBREAPER, arg2: 1 });
  return {
    [Symbol.dispose]: () => {
      host.attempt(prctl, { ...NO_ARGS, option: PR_SET_CHILD_SUBREAPER, arg2: was });
    },
  };
}

const NO_ARGS = { arg2: 0, arg3: 0, arg4: 0, arg5: 0 };

function abortPuppet({ host, interrupts }: Session, puppet: Puppet): void {
  interrupts.armCleanup(CLEANUP_SEC);
  endPuppet(host, { puppet, interrupts });
}

const CLEANUP_SEC = 5;

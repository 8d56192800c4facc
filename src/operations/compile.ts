/** Images to a plan: births, then files, memory and every task state add their steps. Pure but for facts asked of the port. */
import { END_32_BIT, findInt80, vdsoSyscall } from '../arch/arch.js';
import { IMAGES } from '../images/catalogue.js';
import type { ImageSet } from '../images/directory.js';
import type { ParentedStore } from '../images/parents.js';
import { taskLife } from '../images/task-state.js';
import type { Mapping } from '../linux/procfs/maps.js';
import { rebuildCgroups } from '../objects/cgroups/rebuild.js';
import { rebuildFiles } from '../objects/files/rebuild.js';
import { rebuildSessions, type ShellJob, takeTerminal } from '../objects/files/tty/sessions.js';
import { rebuildSettings } from '../objects/files/tty/settings.js';
import {
  deviceName,
  type Terminal,
  type TerminalHost,
  Terminals,
} from '../objects/files/tty/terminals.js';
import { taskStates } from '../objects/index.js';
import { layoutOf } from '../objects/memory/layout.js';
import { rebuildMemory } from '../objects/memory/rebuild.js';
import { VMA_AREA_VDSO } from '../objects/memory/vma.js';
import { clockOffsets, enterTimeNamespace, readHostClocks } from '../objects/namespaces/time.js';
import type { RestoreObjectOptions } from '../objects/options.js';
import type { KernelPort } from '../objects/ports.js';
import {
  type HostStepPort,
  owns,
  type ProcessRebuild,
  type RebuildInputs,
  type RestoreContext,
  type ThreadRebuild,
  type Vdso32,
} from '../objects/rebuild-context.js';
import { is32BitProcess } from '../objects/tasks/code-width.js';
import { endOfLeader, hasEndedLeader } from '../objects/tasks/ended-leader.js';
import type { Outside } from '../plan/birth-order.js';
import { type BirthProcess, type Births, bearTree } from '../plan/births.js';
import { choosePlanBase } from '../plan/holes.js';
import { Plan } from '../plan/plan.js';
import type { Owners } from '../plan/shared-tables.js';
import type { Track } from '../plan/track.js';
import { defined } from '../support/assert.js';
import { imageError, refused, withAllUnsupported, within } from '../support/errors.js';

export interface CompileInput {
  images: ImageSet;
  port: KernelPort;
  options: RestoreObjectOptions;
  puppetMappings: readonly Mapping[];
  vdso32: Vdso32 | undefined;
  store: ParentedStore;
  controlFd: number;
  hostImageFd(name: string): number;
  terminalHost: TerminalHost;
  /** Descriptors of ours that were handed in, by the resource that they stand for: 'tty[8803:1a]'. */
  inherited: ReadonlyMap<string, number>;
  hostEndedPidfds: RebuildInputs['hostEndedPidfds'];
  hostGoneFile: RebuildInputs['hostGoneFile'];
}

export interface Compiled {
  plan: Plan<HostStepPort>;
  births: Births;
  processes: ProcessRebuild[];
  /** What our shell waits for, if it is not in our own group. */
  job: ShellJob | undefined;
}

export function compile(input: CompileInput): Compiled {
  const { images, puppetMappings, controlFd } = input;
  const entries = images.many(IMAGES.PSTREE);
  const layouts = entries
    .filter(({ pid }) => !isZombie(images, pid))
    .map(({ pid }) => layoutOf(images.require(IMAGES.MM, pid)));
  // What their calls refer to lies in the plan: where 32-bit code reaches, if there is such.
  const reach = input.vdso32 === undefined ? {} : { below: END_32_BIT };
  const plan = new Plan<HostStepPort>(choosePlanBase([...layouts, puppetMappings], reach));
  const outside = outsideOf(entries, input.options);
  const { shellJob } = input.options;
  const terminals = new Terminals({
    ...{ images, shellJob, host: input.terminalHost, inherited: input.inherited },
  });
  const access = { controlFd, deviceName: (one: Terminal) => deviceName(images, one) };
  const births = bearTree(
    plan,
    entries.map((entry) => birthOf(images, entry)),
    {
      controlFd,
      temporaryFds: controlFd + 1,
      prepare: (first) => prepareClocks(first, input),
      lead: (leader, sid) => takeTerminal(leader, sid, { terminals, ...access }),
      outside,
    },
  );
  const processes: ProcessRebuild[] = [];
  for (const entry of entries) {
    if (!isZombie(images, entry.pid))
      processes.push(processOf({ images, births }, entry, processes));
  }
  const inputs: RebuildInputs = { ...input, plan, processes, terminals, outside };
  const files = rebuildFiles(inputs);
  const job = rebuildSessions(inputs, access);
  rebuildSettings(inputs);
  const context: RestoreContext = { ...inputs, files };
  rebuildMemory(context);
  rebuildCgroups(inputs);
  rebuildStates(context);
  files.finish();
  return { plan, births, processes, job };
}

/** Whether the process only waits to be reaped. */
const isZombie = (images: ImageSet, vpid: number): boolean =>
  taskLife(images.require(IMAGES.CORE, vpid)) === 'ended';

function birthOf(
  images: ImageSet,
  {
    pid,
    ppid,
    pgid,
    sid,
    threads,
  }: { pid: number; ppid: number; pgid: number; sid: number; threads: number[] },
): BirthProcess {
  const { tc } = images.require(IMAGES.CORE, pid);
  const ids = images.get(IMAGES.IDS, pid);
  return {
    vpid: pid,
    ppid,
    pgid,
    sid,
    comm: tc?.comm ?? '?',
    threads,
    zombie: isZombie(images, pid) ? { status: tc?.exit_code ?? 0 } : undefined,
    ...(ids === undefined ? {} : { tables: ids }),
    ...(tc?.exit_signal === undefined ? {} : { exitSignal: tc.exit_signal }),
  };
}

/** A job of a shell: it comes into our session, and into our group if its own was another's. */
function outsideOf(
  entries: readonly { pid: number; pgid: number; sid: number }[],
  { shellJob }: RestoreObjectOptions,
): Outside | undefined {
  const [root] = entries;
  const isInside = (id: number): boolean => entries.some(({ pid }) => pid === id);
  if (!root || root.sid === 0 || isInside(root.sid)) return undefined;
  if (!shellJob) {
    throw refused(`session ${root.sid}, which the root is in, has no leader in the images`, {
      ...{ pid: root.pid, object: 'session' },
      remedy:
        'it was the job of a shell: restore it with --shell-job (-j), from the terminal that it shall have',
    });
  }
  return { session: root.sid, group: isInside(root.pgid) ? undefined : root.pgid };
}

/** The tree's clocks go on where they stopped, in a time namespace of its own. */
function prepareClocks(first: Track, { images, port }: CompileInput): void {
  const saved = images.get(IMAGES.TIMENS, images.ids(IMAGES.TIMENS)[0] ?? 0);
  if (saved) enterTimeNamespace(first, clockOffsets(saved, readHostClocks(port)));
}

/** `earlier`: those before it in the tree, among which are the owners of tables that it shares. */
function processOf(
  { images, births }: { images: ImageSet; births: Births },
  pstree: ProcessRebuild['pstree'],
  earlier: readonly ProcessRebuild[],
): ProcessRebuild {
  const vpid = pstree.pid;
  const core = images.require(IMAGES.CORE, vpid);
  const task = defined(births.processes.get(vpid), `pid ${vpid} was not born`);
  const process: Omit<ProcessRebuild, 'owner'> = {
    vpid,
    comm: core.tc?.comm ?? '?',
    pstree,
    core,
    ids: images.require(IMAGES.IDS, vpid),
    mm: images.require(IMAGES.MM, vpid),
    track: task.track,
    threads: [],
  };
  const owned = Object.assign(process, { owner: ownersOf(process, task.owners, earlier) });
  for (const vtid of pstree.threads) {
    const thread = defined(births.threads.get(vtid), `tid ${vtid} was not born`);
    process.threads.push({
      vtid,
      core: images.require(IMAGES.CORE, vtid),
      track: thread.track,
      task: thread,
      isLeader: vtid === vpid,
      process: owned,
    });
  }
  return owned;
}

function ownersOf(
  process: Omit<ProcessRebuild, 'owner'>,
  owners: Owners,
  earlier: readonly ProcessRebuild[],
): ProcessRebuild['owner'] {
  const find = (vpid: number): ProcessRebuild =>
    vpid === process.vpid
      ? (process as ProcessRebuild)
      : defined(
          earlier.find((other) => other.vpid === vpid),
          `pid ${vpid} owns no table`,
        );
  return {
    vm_id: find(owners.vm_id),
    files_id: find(owners.files_id),
    fs_id: find(owners.fs_id),
    sighand_id: find(owners.sighand_id),
  };
}

function rebuildStates(context: RestoreContext): void {
  const threads = context.processes.flatMap((process) => process.threads);
  const runs = threads.flatMap((thread) =>
    taskStates.map((state) => () => rebuildState(state, thread, context)),
  );
  withAllUnsupported('the checkpoint', runs);
  for (const thread of threads) {
    if (!thread.isLeader || !hasEndedLeader(thread.core)) continue;
    within({ pid: thread.vtid, comm: thread.process.comm }, () => {
      thread.task.final = endOfLeader(thread.process);
    });
  }
}

function rebuildState(
  state: (typeof taskStates)[number],
  thread: ThreadRebuild,
  context: RestoreContext,
): void {
  if (state.rebuild === undefined || (state.scope === 'process' && !thread.isLeader)) return;
  const isEnded = thread.isLeader && hasEndedLeader(thread.core);
  if (isEnded && state.scope === 'thread' && !state.ofEndedLeader) return;
  if (state.table !== undefined && !owns(thread.process, state.table)) return;
  const { comm } = thread.process;
  within({ pid: thread.vtid, comm, object: state.name }, () => state.rebuild?.(thread, context));
}

/** The address of the vdso's `syscall` or `int 0x80` in each process, by vpid; the vdsos are this kernel's. */
export function vdsoSyscalls(
  processes: readonly ProcessRebuild[],
  { vdso, vdso32 }: { vdso: Uint8Array; vdso32: Vdso32 | undefined },
): Map<number, number> {
  const native = vdsoSyscall(vdso);
  const narrow = vdso32 && findInt80(vdso32.bytes);
  return new Map(
    processes.map((process) => {
      const { vpid, comm, mm } = process;
      const found = mm.vmas.find(({ status }) => (status & VMA_AREA_VDSO) !== 0);
      if (found === undefined) throw imageError('the process has no vdso', { pid: vpid, comm });
      const offset = is32BitProcess(process) ? narrow : native;
      if (offset !== undefined) return [vpid, found.start + offset];
      throw refused("this kernel's vdso for 32-bit code makes no call by int 0x80", {
        ...{ pid: vpid, comm, object: 'vdso' },
      });
    }),
  );
}

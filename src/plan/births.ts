/**
 * The tracks of a tree and the steps that bring its tasks to life: births, sessions, process groups, the ends of
 * helpers and zombies, threads. Pure. A clone step has no expected result: the child runs on with 0, in its own track.
 * All signals are blocked meanwhile, so a SIGCHLD stays pending until its parent takes it.
 */
import { SIG_DFL, SIGCHLD, SIGRTMIN, sigaction, sigmask } from '../linux/signal.js';
import {
  clone3Args,
  exitGroup,
  rtSigaction,
  rtSigtimedwait,
  setpgid,
  setsid,
  unshare,
  wait4,
} from '../linux/syscalls/tasks.js';
import {
  __WALL,
  CLONE_FILES,
  CLONE_FS,
  CLONE_PARENT,
  CLONE_SIGHAND,
  CLONE_SYSVSEM,
  CLONE_THREAD,
  CLONE_VM,
  clone_args,
} from '../linux/uapi/sched.js';
import { assert, defined } from '../support/assert.js';
import { u64Bytes } from '../support/bytes.js';
import { imageError, unsupported } from '../support/errors.js';
import {
  arrangeBirths,
  groupMoves,
  isSessionLeader,
  type Kin,
  type Member,
  type Outside,
} from './birth-order.js';
import type { Plan, TrackTask } from './plan.js';
import { type SharedTables, shareTables, type TableIds, TableOwners } from './shared-tables.js';
import type { Stage } from './stages.js';
import type { Track } from './track.js';
import { endZombie, type ZombieEnd } from './zombies.js';

/** A process of pstree.img. */
export interface BirthProcess extends Omit<Kin, 'isZombie'> {
  readonly comm: string;
  /** The tids inside the tree, the leader's first. Not asked of a zombie. */
  readonly threads: readonly number[];
  /** How a zombie ended; undefined for a live process. */
  readonly zombie: ZombieEnd | undefined;
  /** Which tables it shares with whom. Not asked of a zombie. */
  readonly tables?: TableIds;
  /** The signal its parent gets at its end, if not SIGCHLD; 0: none. Of the root it is always SIGCHLD. */
  readonly exitSignal?: number;
}

export interface BirthOptions {
  /** The descriptor of woodfrog's own pidfd in every puppet. */
  controlFd: number;
  /** The first temporary descriptor of every process: above `controlFd`. */
  temporaryFds: number;
  /** Steps of the first helper before it bears the root: what all others inherit from it, such as a time namespace. */
  prepare?(first: Track): void;
  /** Steps of a session's leader, right after setsid(2), before it bears members: they inherit its terminal. */
  lead?(leader: Track, session: number): void;
  /** Whose leaders are not in the tree, and that becomes woodfrog's own. */
  outside?: Outside | undefined;
}

/** What a host step of `births` asks of the runner. */
export interface EndsPort {
  /** Waits (bounded) until these have ended; as their tracer woodfrog sees their ends before their parents do. */
  waitEnded(vpids: readonly number[]): void;
}

export interface Births {
  /** The track of the puppet that woodfrog starts itself, with no pid of the tree; all others descend from it. */
  first: TrackTask;
  /** Every process, zombies too, by vpid. */
  processes: Map<number, TrackTask>;
  /** Every thread by tid, the leaders too. */
  threads: Map<number, TrackTask>;
  /** Helpers that stand in for dead leaders, by vpid. */
  helpers: Map<number, TrackTask>;
}

interface Family<Port extends EndsPort> {
  plan: Plan<Port>;
  members: readonly Member[];
  tasks: Map<number, TrackTask>;
  first: Track;
  sources: ReadonlyMap<number, BirthProcess>;
  shared: SharedTables;
  options: BirthOptions;
}

/**
 * Adds the tracks of a tree, creators before those they bear, with all steps that make it a tree. Throws `unsupported`, naming
 * pids, for a tree that cannot be made: never makes another one.
 */
export function bearTree<Port extends EndsPort>(
  plan: Plan<Port>,
  processes: readonly BirthProcess[],
  options: BirthOptions,
): Births {
  const { controlFd, temporaryFds } = options;
  assert(temporaryFds > controlFd, `temporary descriptors begin at or below ${controlFd}`);
  const members = arrangeBirths(
    processes.map((process) => ({ ...process, isZombie: process.zombie !== undefined })),
    options.outside,
  );
  verifyTids(processes, members);
  const first = plan.track({ name: 'first helper', process: 0, temporaryFds }, { last: 'births' });
  const tasks = new Map<number, TrackTask>();
  const births: Births = { first, processes: new Map(), threads: new Map(), helpers: new Map() };
  const sources = new Map(processes.map((process) => [process.vpid, process]));
  const owners = new TableOwners();
  for (const process of processes) owners.of(process.vpid, livingTables(process));
  for (const member of members) {
    const task = trackOf(plan, member, { source: sources.get(member.vpid), temporaryFds });
    tasks.set(member.vpid, task);
    task.owners = owners.of(member.vpid, livingTables(sources.get(member.vpid)));
    (member.role === 'process' ? births.processes : births.helpers).set(member.vpid, task);
  }
  const shared = shareTables(members, (vpid) => livingTables(sources.get(vpid)));
  const family: Family<Port> = {
    ...{ plan, members, tasks, first: first.track, sources, shared, options },
  };
  addFirstSteps(family);
  const born = new Map<number, Member[]>(members.map(({ vpid }) => [vpid, []]));
  for (const member of members) born.get(member.creator)?.push(member);
  for (const member of members) addBirthSteps(family, member, born.get(member.vpid) ?? []);
  addGroupSteps(family);
  addEnds(family);
  for (const process of processes) {
    const task = trackTask(tasks, process.vpid);
    if (process.zombie) continue;
    births.threads.set(process.vpid, task);
    for (const vtid of process.threads) {
      if (vtid === process.vpid) continue;
      births.threads.set(vtid, bearThread(plan, task, { vtid, comm: process.comm }));
    }
  }
  return births;
}

const livingTables = (source: BirthProcess | undefined): TableIds | undefined =>
  source?.zombie ? undefined : source?.tables;

const trackTask = (tasks: Map<number, TrackTask>, vpid: number): TrackTask =>
  defined(tasks.get(vpid), `pid ${vpid} has no track`);

/** A dead leader's number is in use, so the kernel gave it to no task. */
function verifyTids(processes: readonly BirthProcess[], members: readonly Member[]): void {
  const taken = new Set(members.map(({ vpid }) => vpid));
  for (const { vpid, threads, zombie } of processes) {
    if (zombie) continue;
    for (const vtid of threads) {
      if (vtid === vpid) continue;
      if (taken.has(vtid)) throw imageError(`tid ${vtid} of pid ${vpid} is another task's, too`);
      taken.add(vtid);
    }
  }
}

function trackOf<Port>(
  plan: Plan<Port>,
  { vpid, role }: Member,
  { source, temporaryFds }: { source: BirthProcess | undefined; temporaryFds: number },
): TrackTask {
  const name = `pid ${vpid} (${source?.zombie ? 'zombie' : (source?.comm ?? role)})`;
  const ends = source === undefined || source.zombie !== undefined;
  return plan.track({ name, vpid, process: vpid, temporaryFds }, ends ? { last: 'ends' } : {});
}

/** What the first helper does: all tasks inherit it. */
function addFirstSteps<Port extends EndsPort>(family: Family<Port>): void {
  const { first, members, options } = family;
  first.at('births');
  // Whoever started woodfrog may ignore SIGCHLD: zombies and helpers would be gone before their parents wait.
  first.call(rtSigaction, {
    signum: SIGCHLD,
    act: sigaction.encode({ sa_handler: SIG_DFL }),
    oldact: 0,
    sigsetsize: 8,
  });
  options.prepare?.(first);
  for (const member of members) {
    if (member.creator === 0) bear(family, first, member);
  }
  first.call(exitGroup, { status: 0 });
}

/** Children born in the old session, setsid, all others; then what was carried only for them goes. */
function addBirthSteps<Port extends EndsPort>(
  family: Family<Port>,
  member: Member,
  born: readonly Member[],
): void {
  const { track } = trackTask(family.tasks, member.vpid);
  track.at('births');
  const bearAll = (children: readonly Member[]): void => {
    for (const child of children) bear(family, track, child);
  };
  bearAll(born.filter(({ isBeforeSetsid }) => isBeforeSetsid));
  if (isSessionLeader(member)) {
    track.call(setsid, {}, { mustEqual: member.vpid, object: `session ${member.vpid}` });
    family.options.lead?.(track, member.vpid);
  }
  bearAll(born.filter(({ isBeforeSetsid }) => !isBeforeSetsid));
  const flags = family.shared.unshare.get(member.vpid) ?? 0;
  if (flags !== 0) track.call(unshare, { flags });
}

function bear<Port extends EndsPort>(
  { tasks, sources, shared }: Family<Port>,
  creator: Track,
  { vpid, isSibling, creator: parent }: Member,
): void {
  const exitSignal = exitSignalOf(sources, vpid);
  // With CLONE_PARENT the kernel gives the creator's own, and the first helper's is SIGCHLD.
  if (isSibling && parent !== 0 && exitSignal !== exitSignalOf(sources, parent)) {
    throw unsupported(
      `pid ${vpid} must be born by its sibling, pid ${parent}, which has another exit signal`,
      { object: 'process tree' },
    );
  }
  const flags = (shared.flags.get(vpid) ?? 0) | (isSibling ? CLONE_PARENT : 0);
  creator.call(
    clone3Args,
    ({ startOf }) => ({
      cl_args: {
        flags,
        exit_signal: isSibling ? 0 : exitSignal,
        sp: startOf(trackTask(tasks, vpid).track),
        set_tid: [vpid],
      },
      size: clone_args.size,
    }),
    { object: `pid ${vpid}` },
  );
}

/** The root's parent is another than it was. */
function exitSignalOf(sources: ReadonlyMap<number, BirthProcess>, vpid: number): number {
  const source = sources.get(vpid);
  return source === undefined || source.ppid === 0 ? SIGCHLD : (source.exitSignal ?? SIGCHLD);
}

function addGroupSteps<Port extends EndsPort>({ members, tasks, options }: Family<Port>): void {
  const moves = groupMoves(members, options.outside);
  for (const { vpid, pgid } of members) {
    const { track } = trackTask(tasks, vpid);
    const { leads, joins, leaves } = defined(moves.get(vpid), `pid ${vpid} has no group`);
    const enter = (stage: Stage, group: number): void => {
      const object = `process group ${group === 0 ? vpid : group}`;
      track.at(stage).call(setpgid, { pid: 0, pgid: group }, { object });
    };
    if (leads) enter('group leaders', 0);
    if (joins) enter('group members', pgid);
    if (leaves) enter('ends', pgid);
  }
}

/** Helpers and zombies end; their parents reap the helpers and forget the signals. */
function addEnds<Port extends EndsPort>({ plan, members, tasks, sources }: Family<Port>): void {
  const ended: Member[] = [];
  for (const member of members) {
    const { track } = trackTask(tasks, member.vpid);
    const source = sources.get(member.vpid);
    if (source === undefined) track.at('ends').call(exitGroup, { status: 0 });
    else if (source.zombie) endZombie(track.at('ends'), source.zombie, source);
    else continue;
    ended.push(member);
  }
  if (ended.length === 0) return;
  const vpids = ended.map(({ vpid }) => vpid);
  plan.host({
    stage: 'make',
    what: `wait until the pids ${vpids.join(', ')} have ended`,
    run: (port) => port.waitEnded(vpids),
  });
  for (const parent of new Set(ended.map(({ ppid }) => ppid))) {
    if (parent === 0) continue;
    const { track } = trackTask(tasks, parent);
    track.at('make');
    for (const { vpid, ppid, role } of ended) {
      if (ppid !== parent || role === 'process') continue;
      const options = { mustEqual: vpid, object: `pid ${vpid}` };
      track.call(wait4, { pid: vpid, wstatus: 0, options: __WALL, rusage: 0 }, options);
    }
    const mine = ended.filter(({ ppid }) => ppid === parent);
    const signals = mine.map(({ vpid }) => exitSignalOf(sources, vpid));
    const standard = new Set(signals.filter((signal) => signal !== 0 && signal < SIGRTMIN));
    // Real-time signals queue: one for each end.
    const queued = signals.filter((signal) => signal >= SIGRTMIN);
    for (const signal of [...standard, ...queued]) forgetSignal(track, signal);
  }
}

function forgetSignal(track: Track, signal: number): void {
  track.call(
    rtSigtimedwait,
    {
      uthese: u64Bytes(sigmask(signal)),
      uinfo: 0,
      uts: { tv_sec: 0, tv_nsec: 0 },
      sigsetsize: 8,
    },
    // EAGAIN: none is pending, and that is what is wanted.
    { onError: 'ignore' },
  );
}

const THREAD_FLAGS =
  CLONE_VM + CLONE_FS + CLONE_FILES + CLONE_SIGHAND + CLONE_THREAD + CLONE_SYSVSEM;

/** A thread of the leader's process, on a track of its own from the stage 'threads' on. */
export function bearThread<Port>(
  plan: Plan<Port>,
  leader: TrackTask,
  { vtid, comm }: { vtid: number; comm: string },
): TrackTask {
  const name = `tid ${vtid} of pid ${leader.process} (${comm})`;
  const thread = plan.track({ name, vpid: vtid, process: leader.process }, { first: 'threads' });
  thread.owners = leader.owners;
  leader.track.at('threads').call(
    clone3Args,
    ({ startOf }) => ({
      cl_args: {
        flags: THREAD_FLAGS,
        exit_signal: 0,
        sp: startOf(thread.track),
        set_tid: [vtid],
      },
      size: clone_args.size,
    }),
    { object: `tid ${vtid}` },
  );
  return thread;
}

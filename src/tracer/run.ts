/**
 * Runs a plan: maps it into the first puppet, starts the births, keeps the traced newcomers moving, lets the tracks
 * from stage to stage, and at the end gives every task its registers. Until the commit a dead tracer takes the whole
 * half-built tree with it (PTRACE_O_EXITKILL); a failure kills it here.
 */
import {
  callWith,
  is32Bit,
  POISON,
  RECORD_RESULT_OFFSET,
  type Registers,
  redirect,
  user_regs_struct,
} from '../arch/arch.js';
import type { Host } from '../host/host.js';
import { syscallError } from '../host/host.js';
import type { Interrupts } from '../host/interrupts.js';
import {
  interrupt,
  resume,
  resumeToSyscall,
  setOptions,
  setRegisters,
  setSegment,
  setSigmask,
  setXstate,
} from '../host/ptrace.js';
import type { Stubs } from '../host/stubs.js';
import { isSyscallStop, pollAny, type WaitEvent, waitAny, waitAnyOrTick } from '../host/wait.js';
import { SIGSTOP } from '../linux/signal.js';
import { NR_IA32 } from '../linux/syscall-numbers-32.js';
import { ftruncate } from '../linux/syscalls/files.js';
import { mmap, munmap } from '../linux/syscalls/memory.js';
import { exit, futex, kill } from '../linux/syscalls/tasks.js';
import {
  MAP_FIXED_NOREPLACE,
  MAP_SHARED,
  PROT_EXEC,
  PROT_READ,
  PROT_WRITE,
} from '../linux/uapi/mman.js';
import { PTRACE_EVENT_CLONE, PTRACE_EVENT_STOP } from '../linux/uapi/ptrace.js';
import { FUTEX_WAIT, FUTEX_WAKE, timespec } from '../linux/uapi/sched.js';
import { type Barrier, type EncodedPlan, encodePlan } from '../plan/encode.js';
import { type FinalState, PLAN_LENGTH, type Plan, type TrackTask } from '../plan/plan.js';
import { type Stage, stageIndex } from '../plan/stages.js';
import type { Track } from '../plan/track.js';
import { assert, defined } from '../support/assert.js';
import { PAGE_SIZE, type Pid, pid } from '../support/brand.js';
import { alignUp, toWord, viewOf } from '../support/bytes.js';
import { type CheckpointError, gone, within } from '../support/errors.js';
import { Deputy, killCalls } from './deputy.js';
import { explainFailure } from './failure.js';
import { detachSurely } from './freeze.js';
import { killBorn } from './kill.js';
import { type Puppet, puppetCall } from './puppet.js';

const INT_MAX = 0x7fff_ffff;
/** The stage in which processes that were stopped are stopped again. */
const STOPPING: Stage = 'task state';
const SLICE_NS = 10_000_000;

export interface RunOptions<P> {
  /** The puppet that runs `first`, the track all others descend from. */
  puppet: Puppet;
  first: Track;
  /** A descriptor of the memory file that becomes the plan, inherited by the puppet. */
  planFd: number;
  interrupts: Interrupts;
  stubs: Stubs;
  /** The address of a `syscall` instruction, or of an `int 0x80` for 32-bit code, in every restored process (by vpid). */
  vdsoSyscall(process: number): number;
  /** What the plan's own steps get. */
  port(run: PlanRun<P>): P;
  /** Told when a stage begins. */
  onStage?: (stage: Stage) => void;
  /** Called about every 10 ms while tasks work; may throw, to give up. */
  onWait?: (stage: Stage) => void;
}

export class PlanRun<P = never> implements Disposable {
  readonly #host: Host;
  readonly #plan: Plan<P>;
  readonly #options: RunOptions<P>;
  readonly #encoded: EncodedPlan;
  readonly #view: DataView;
  readonly #memory: Uint8Array;
  readonly #base: number;
  /** Every task alive that we trace. */
  readonly #alive = new Set<Pid>();
  #committed = false;

  constructor(host: Host, plan: Plan<P>, options: RunOptions<P>) {
    this.#host = host;
    this.#plan = plan;
    this.#options = options;
    this.#alive.add(options.puppet.pid);
    this.#encoded = encodePlan(plan);
    host.call(ftruncate, { fd: options.planFd, length: PLAN_LENGTH });
    this.#base = host.call(mmap, {
      addr: 0,
      length: PLAN_LENGTH,
      prot: PROT_READ | PROT_WRITE,
      flags: MAP_SHARED,
      fd: options.planFd,
      offset: 0,
    });
    // Only what is used: V8 counts what it can see, and would collect garbage for the sake of empty pages.
    const ends = this.#encoded.segments.map(({ offset, bytes }) => offset + bytes.length);
    this.#memory = host.ffi.view(this.#base, alignUp(Math.max(...ends), PAGE_SIZE));
    this.#view = viewOf(this.#memory);
    for (const { offset, bytes } of this.#encoded.segments) this.#memory.set(bytes, offset);
  }

  /** Everything up to the commit point: every task has its final registers, stopped, and dies with us. */
  build(): void {
    this.#startFirst();
    const port = this.#options.port(this);
    for (const [i, barrier] of this.#encoded.barriers.entries()) {
      this.#options.onStage?.(barrier.stage);
      this.#waitBarrier(barrier);
      const next = this.#encoded.barriers[i + 1];
      if (next === undefined) break;
      for (const step of this.#plan.hostSteps) {
        if (step.stage === next.stage) within({ object: step.what }, () => step.run(port));
      }
      this.#release(barrier);
    }
    this.#finish();
  }

  /**
   * Lets all tasks go. Until the last has gone a deputy watches over us: if we die in between, it kills those that have
   * gone already, as the kernel kills the others. A single process needs none: one thread that is not let go takes it along.
   */
  commit({ leaveStopped = false } = {}): void {
    const host = this.#host;
    const tasks = this.#finalTasks();
    const leaders = tasks.filter(({ tid, process }) => tid === process);
    const victims = leaders.map(({ tid }) => tid);
    for (const { tid, stopSignal, stopsLate } of leaders) {
      const stops = (leaveStopped && stopSignal === undefined) || stopsLate;
      if (stops) host.call(kill, { pid: tid, sig: SIGSTOP });
    }
    const { stubs } = this.#options;
    using _deputy =
      victims.length > 1
        ? new Deputy(host, { stubs, when: 'alone', calls: killCalls(victims) })
        : undefined;
    for (const { tid } of tasks) setOptions(host, tid, 0);
    this.#committed = true;
    for (const { tid } of tasks) detachSurely(host, tid);
  }

  /** What is to be done once the tasks run. Nothing that goes wrong with it may end them: it is told. */
  afterwards(onError: (what: string, error: unknown) => void): void {
    const port = this.#options.port(this);
    for (const { what, run } of this.#plan.afterwards) {
      try {
        run(port);
      } catch (error) {
        onError(what, error);
      }
    }
  }

  /**
   * Kills everything that was born, and waits for it. After the commit, nothing. The restore has made us the parent of
   * orphans (PR_SET_CHILD_SUBREAPER): so no zombie is left to keep a pid taken.
   */
  abort(): void {
    if (this.#committed) return;
    const vpids = this.#plan.tracks.flatMap(({ vpid }) => (vpid === undefined ? [] : [pid(vpid)]));
    killBorn(this.#host, { alive: this.#alive, vpids, interrupts: this.#options.interrupts });
    const port = this.#options.port(this);
    for (const { run } of this.#plan.onFailure) run(port);
  }

  /** Unmaps the plan from our own memory. */
  [Symbol.dispose](): void {
    this.#host.attempt(munmap, { addr: this.#base, length: PLAN_LENGTH });
  }

  pidOf(vpid: number): number {
    return vpid;
  }

  #startFirst(): void {
    const { puppet, planFd, first, interrupts } = this.#options;
    const host = this.#host;
    const { base } = this.#plan;
    const mapped = puppetCall(host, { puppet, interrupts }, mmap.nr, [
      base,
      PLAN_LENGTH,
      PROT_READ | PROT_WRITE | PROT_EXEC,
      MAP_SHARED | MAP_FIXED_NOREPLACE,
      planFd,
      0,
    ]);
    if (mapped !== base)
      throw syscallError('mmap', -mapped, 'mapping the plan into the first puppet');
    setRegisters(
      host,
      puppet.pid,
      redirect(puppet.regs, {
        ip: toWord(this.#encoded.interpreter),
        sp: toWord(this.#encoded.startOf(first)),
        r15: toWord(this.#encoded.epilogue),
      }),
    );
    resume(host, puppet.pid);
  }

  /** Waits until every track has finished the stage, keeping what stops on the way moving. */
  #waitBarrier(barrier: Barrier): void {
    const { interrupts } = this.#options;
    const count = (): number => this.#view.getUint32(barrier.counter, true);
    // Two stops each: the newcomer's own, and its parent's; the signal that stops a process, and the stop.
    let births = 2 * (this.#birthsIn(barrier.stage) + this.#stopsIn(barrier.stage));
    while (count() < barrier.participants) {
      this.#checkFailed(barrier.stage);
      interrupts.check(() => `stage '${barrier.stage}'`);
      if (births > 0) {
        const event = waitAnyOrTick(this.#host, interrupts, () => `births in '${barrier.stage}'`);
        if (event && this.#handle(event, barrier.stage)) births -= 1;
        continue;
      }
      for (let event = pollAny(this.#host); event; event = pollAny(this.#host)) {
        this.#handle(event, barrier.stage);
      }
      this.#options.onWait?.(barrier.stage);
      this.#futexWait(barrier.counter, count(), barrier.participants);
    }
    this.#checkFailed(barrier.stage);
  }

  /** How many newcomers the stage brings. */
  #birthsIn(stage: Stage): number {
    const { first } = this.#options;
    return this.#plan.tracks.filter((track) => track !== first && track.firstStage === stage)
      .length;
  }

  /** How many processes are stopped in the stage. */
  #stopsIn(stage: Stage): number {
    return this.#plan.tasks.filter(
      ({ stopSignal }) => stage === STOPPING && stopSignal !== undefined,
    ).length;
  }

  #futexWait(offset: number, seen: number, target: number): void {
    if (seen >= target) return;
    const mark = this.#host.arena.mark;
    const timeout = this.#host.arena.store(timespec.encode({ tv_sec: 0, tv_nsec: SLICE_NS }));
    // EAGAIN: it has changed already; ETIMEDOUT: time to look for tasks that died.
    this.#host.attempt(futex, {
      uaddr: this.#base + offset,
      op: FUTEX_WAIT,
      val: seen,
      timeout,
      uaddr2: 0,
      val3: 0,
    });
    this.#host.arena.release(mark);
  }

  #release({ go }: Barrier): void {
    this.#view.setUint32(go, 1, true);
    this.#host.call(futex, {
      uaddr: this.#base + go,
      op: FUTEX_WAKE,
      val: INT_MAX,
      timeout: 0,
      uaddr2: 0,
      val3: 0,
    });
  }

  /**
   * True for a stop that was to come: the first of a newcomer, that of its parent, and the two by which a process is
   * stopped for good. A stopped process runs on as long as it is traced, and is stopped again when it is let go.
   */
  #handle(event: WaitEvent, stage: Stage): boolean {
    const { tid } = event;
    if (event.kind !== 'stopped') {
      this.#ended(event, stage);
      return false;
    }
    if (stage === STOPPING && this.#isStopping(event)) {
      resume(this.#host, tid, event.event === 0 ? event.signal : 0);
      return true;
    }
    const isNew = !this.#alive.has(tid) && event.event === PTRACE_EVENT_STOP;
    if (isNew) this.#alive.add(tid);
    // Signals are blocked; a stop signal from outside would be meant for the finished task: it is not kept.
    const isDeadly = event.event === 0 && event.signal !== SIGSTOP && this.#mayEnd(tid, stage);
    resume(this.#host, tid, isDeadly ? event.signal : 0);
    return isNew || (event.event > 0 && event.event <= PTRACE_EVENT_CLONE);
  }

  #isStopping({ tid, signal }: WaitEvent & { kind: 'stopped' }): boolean {
    const task = this.#taskOf(tid);
    return task?.stopSignal !== undefined && task.stopSignal === signal;
  }

  /** Takes note of an end; throws if the task should have lived. */
  #ended(event: WaitEvent, stage: Stage): void {
    const { tid } = event;
    const isOurs = this.#alive.delete(tid) || this.#taskOf(tid) !== undefined;
    // Whoever started us may have left us children of its own.
    if (!isOurs) return;
    const isWell = tid !== this.#options.puppet.pid || event.kind === 'exited';
    if (!isWell || !this.#mayEnd(tid, stage)) throw this.#died(tid, event);
  }

  #taskOf(tid: Pid): TrackTask | undefined {
    return this.#plan.tasks.find(({ track }) => track.vpid === tid);
  }

  /** Helpers and zombies end when their last stage has come. */
  #mayEnd(tid: Pid, stage: Stage): boolean {
    if (tid === this.#options.puppet.pid) return true;
    const task = this.#taskOf(tid);
    return (
      task !== undefined &&
      stageIndex(task.track.lastStage) <= stageIndex(stage) &&
      task.track.lastStage !== 'commit'
    );
  }

  #died(tid: Pid, event: WaitEvent): CheckpointError {
    const how = event.kind === 'killed' ? `killed by signal ${event.signal}` : 'ended';
    return gone(`a task was ${how} while it was being restored`, { pid: tid });
  }

  #checkFailed(stage: Stage): void {
    if (this.#view.getUint32(this.#encoded.failed, true) === 0) return;
    throw this.#failure(stage);
  }

  /** The first record that did not do what it had to, as an error. */
  #failure(stage: Stage): CheckpointError {
    for (const track of this.#plan.tracks) {
      for (const { offset, step } of this.#encoded.records(track)) {
        const result = this.#view.getBigInt64(offset + RECORD_RESULT_OFFSET, true);
        if (result === POISON) break;
        if (step === undefined || step.onError === 'ignore') continue;
        const expected = step.mustEqual;
        const failed = result < 0n && result > -4096n;
        if (failed || (expected !== undefined && toWord(expected) !== toWord(result))) {
          return explainFailure(this.#host, { track, step, result: Number(result), stage });
        }
      }
    }
    return gone(`a task failed in stage '${stage}' and does not say why`);
  }

  waitEnded(vpids: readonly number[]): void {
    const waiting = new Set(vpids.map(pid).filter((tid) => this.#alive.has(tid)));
    while (waiting.size > 0) {
      const { interrupts } = this.#options;
      const event = waitAnyOrTick(this.#host, interrupts, () => 'helpers to end');
      this.#checkFailed('ends');
      if (event === undefined) continue;
      this.#handle(event, 'ends');
      if (event.kind !== 'stopped') waiting.delete(event.tid);
    }
  }

  #finalTasks(): (TrackTask & { tid: Pid })[] {
    return this.#plan.tasks
      .filter(({ track }) => track.lastStage === 'commit')
      .map((task) => ({ ...task, tid: pid(defined(task.track.vpid, 'a task has a tid')) }));
  }

  /** Stops all tasks, takes the plan out of their memory, and gives them their registers. */
  #finish(): void {
    const host = this.#host;
    const tasks = this.#finalTasks();
    const waiting = new Set(tasks.map(({ tid }) => tid));
    for (const tid of waiting) interrupt(host, tid);
    while (waiting.size > 0) {
      const event = waitAny(host, this.#options.interrupts, () => 'tasks to stop');
      if (event.kind !== 'stopped') this.#ended(event, 'commit');
      else if (event.event === PTRACE_EVENT_STOP) waiting.delete(event.tid);
      else resume(host, event.tid);
    }
    // Those who share memory share the plan's mapping.
    this.#unmapPlan(
      tasks.filter(({ tid, process, owners }) => tid === process && owners.vm_id === process),
    );
    for (const { tid, final } of tasks) {
      assert(final, `pid ${tid} has no final registers`);
      if (final.xstate) setXstate(host, tid, final.xstate);
      for (const desc of final.segments ?? []) setSegment(host, tid, desc);
      setRegisters(host, tid, this.#registersOf(tid, final));
      setSigmask(host, tid, final.sigmask);
    }
  }

  /** A leader that has ended before the other threads calls exit(2) as soon as it is let go. */
  #registersOf(tid: Pid, { regs, exits }: FinalState): Registers {
    const own = user_regs_struct.decode(regs);
    if (exits === undefined) return own;
    const ip = this.#options.vdsoSyscall(tid);
    return callWith(own, { ip, nr: is32Bit(own) ? NR_IA32.exit : exit.nr, args: [exits] });
  }

  /**
   * munmap by the vdso's own `syscall`: two stops each, all address spaces at once. The second is one that was asked for,
   * behind the call: there the kernel looks for signals, and for a call to issue again.
   */
  #unmapPlan(leaders: readonly (TrackTask & { tid: Pid })[]): void {
    const host = this.#host;
    const entered = new Map<Pid, boolean>();
    for (const { tid, final, process } of leaders) {
      assert(final, `pid ${tid} has no final registers`);
      const regs = user_regs_struct.decode(final.regs);
      const nr = is32Bit(regs) ? NR_IA32.munmap : munmap.nr;
      const ip = this.#options.vdsoSyscall(process);
      const args = [this.#plan.base, PLAN_LENGTH];
      setRegisters(host, tid, callWith(regs, { ip, nr, args }));
      resumeToSyscall(host, tid);
      entered.set(tid, false);
    }
    while (entered.size > 0) {
      const event = waitAny(host, this.#options.interrupts, () => 'the plan to be unmapped');
      if (event.kind !== 'stopped') {
        this.#ended(event, 'commit');
        continue;
      }
      const { tid } = event;
      const hasEntered = entered.get(tid);
      if (hasEntered === undefined) continue;
      if (hasEntered && event.event === PTRACE_EVENT_STOP) entered.delete(tid);
      else if (hasEntered) resume(host, tid);
      else if (isSyscallStop(event)) {
        entered.set(tid, true);
        interrupt(host, tid);
        resume(host, tid);
      } else resumeToSyscall(host, tid);
    }
  }
}

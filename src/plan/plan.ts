/** A whole restore as data: the tracks, woodfrog's own steps between stages, and each task's final registers. */
import { assert } from '../support/assert.js';
import { PlanArea } from './memory.js';
import type { Owners } from './shared-tables.js';
import { type Stage, stageIndex } from './stages.js';
import { Track } from './track.js';

/** Address space the plan takes in every puppet; sparse, so its size costs nothing. */
export const PLAN_LENGTH = 512 * 1024 * 1024;
/** Offsets in the plan: code, control words, the common epilogue, data, records. */
export const CODE_OFFSET = 0;
export const CONTROL_OFFSET = 0x1000;
export const EPILOGUE_OFFSET = 0x3000;
export const DATA_OFFSET = 0x10000;
export const DATA_LIMIT = PLAN_LENGTH / 2 - DATA_OFFSET;
export const RECORDS_OFFSET = PLAN_LENGTH / 2;

/** What a task resumes with once its tape is done. */
export interface FinalState {
  /** user_regs_struct. */
  regs: Uint8Array;
  /** NT_X86_XSTATE bytes, or undefined to keep the initial state. */
  xstate: Uint8Array | undefined;
  /** Thread-local segments, set before the registers that select them: user_desc each. */
  segments?: readonly Uint8Array[];
  /** Blocked signals. */
  sigmask: bigint;
  /** The task ends instead: exit(2) with this code. */
  exits?: number;
}

/** A step that woodfrog itself takes when a stage begins, before any track enters it. `run` gets what the runner offers. */
export interface HostStep<Port> {
  readonly stage: Stage;
  /** As --explain shows it. */
  readonly what: string;
  run(port: Port): void;
}

export interface TrackTask {
  track: Track;
  /** undefined for helpers and zombies, which end before 'commit'. */
  final: FinalState | undefined;
  /** The vpid of the process a thread belongs to; its own for a process. */
  process: number;
  /** The vpids of those who do what belongs to its tables. */
  owners: Owners;
  /** The signal that stops it in the stage 'task state': its own, and to be let through. */
  stopSignal?: number;
  /** SIGSTOP is sent to it just before it is let go. */
  stopsLate?: true;
}

export class Plan<Port = unknown> {
  /** The address of the plan in every puppet. */
  readonly base: number;
  readonly memory: PlanArea;
  readonly tasks: TrackTask[] = [];
  readonly hostSteps: HostStep<Port>[] = [];
  /** What woodfrog does once the tasks run: a failure is told, and changes nothing. */
  readonly afterwards: Omit<HostStep<Port>, 'stage'>[] = [];
  /** What woodfrog takes away when the plan fails, and all tasks are gone. */
  readonly onFailure: Omit<HostStep<Port>, 'stage'>[] = [];

  constructor(base: number) {
    this.base = base;
    this.memory = new PlanArea(base + DATA_OFFSET, DATA_LIMIT);
  }

  track(
    init: { name: string; vpid?: number; temporaryFds?: number; process: number },
    span: { first?: Stage; last?: Stage } = {},
  ): TrackTask {
    const track = new Track({ ...init, memory: this.memory });
    track.firstStage = span.first ?? 'births';
    track.lastStage = span.last ?? 'commit';
    assert(
      stageIndex(track.firstStage) <= stageIndex(track.lastStage),
      `track ${init.name} ends before it begins`,
    );
    const { process } = init;
    const owners = { vm_id: process, files_id: process, fs_id: process, sighand_id: process };
    const task: TrackTask = { track, final: undefined, process, owners };
    this.tasks.push(task);
    return task;
  }

  host(step: HostStep<Port>): void {
    this.hostSteps.push(step);
  }

  get tracks(): Track[] {
    return this.tasks.map(({ track }) => track);
  }
}

/**
 * A track: what one task (or helper) does, in order, as data. A step is a system call with its arguments, some of
 * which may be results of other steps. Tracks become tapes in encode.ts; the same class serves the probes of a dump.
 */
import type { Arguments, Params, Place, Syscall, Word } from '../linux/syscall.js';
import { close, fcntl } from '../linux/syscalls/files.js';
import { F_DUPFD_CLOEXEC } from '../linux/uapi/fcntl.js';
import { assert } from '../support/assert.js';
import type { Stage } from './stages.js';

/** The result of a step, known only when it has run. */
export class Value {
  readonly track: Track;
  readonly step: Step;

  constructor(track: Track, step: Step) {
    this.track = track;
    this.step = step;
  }
}

/** A 64-bit word in plan memory that a system call fills, loaded when the step that uses it runs. */
export class WordAt {
  readonly address: number;

  constructor(address: number) {
    this.address = address;
  }
}

/** Where things are once the plan is laid out: for arguments that hold addresses of the plan itself. */
export interface Layout {
  /** The address of a track's first record. */
  startOf(track: Track): number;
  /** The address of a step's result word. */
  resultOf(step: Step): number;
}

// biome-ignore lint/suspicious/noExplicitAny: the step has checked its arguments against its own parameters
export type StepArguments = Record<string, any>;

export interface StepOptions {
  /** What a failure does: 'stop' the tape (default), or 'ignore', with the reason in a comment at the call. */
  onError?: 'stop' | 'ignore';
  /** The result must be this: a short read or a wrong pid stops the tape. */
  mustEqual?: Word;
  /** The object this step serves, for errors and --explain: 'pipe 17'. Of thousands, a function that says it. */
  object?: string | (() => string);
  /** The descriptor it serves, as the task will see it. */
  fd?: number;
}

export class Step {
  readonly call: Syscall;
  /** The arguments, or how to get them from the layout. */
  readonly args: StepArguments | ((layout: Layout) => StepArguments);
  readonly stage: Stage;
  readonly #options: StepOptions;

  constructor(call: Syscall, { args, stage }: Pick<Step, 'args' | 'stage'>, options: StepOptions) {
    this.call = call;
    this.args = args;
    this.stage = stage;
    this.#options = options;
  }

  get onError(): 'stop' | 'ignore' {
    return this.#options.onError ?? 'stop';
  }

  get mustEqual(): Word | undefined {
    return this.#options.mustEqual;
  }

  get object(): string | undefined {
    const { object } = this.#options;
    return typeof object === 'function' ? object() : object;
  }

  get fd(): number | undefined {
    return this.#options.fd;
  }
}

/** Memory that the plan itself gives to steps: structs, strings, buffers. All at final addresses. */
export interface PlanMemory {
  store(data: Uint8Array, align?: number): number;
  /** Zeroed memory for a system call to fill. */
  reserve(length: number, align?: number): Place;
}

type CallArguments<P extends Params> = Arguments<P, Value | WordAt>;

export interface TrackInit {
  /** For people: 'pid 12 (bash)', 'helper 1'. */
  name: string;
  /** The pid (of a process track) or tid the task has inside the tree; undefined for a helper that needs none. */
  vpid?: number;
  memory: PlanMemory;
  /** Where temporary descriptors begin, above every saved number. */
  temporaryFds?: number;
}

export class Track {
  readonly name: string;
  readonly vpid: number | undefined;
  readonly memory: PlanMemory;
  readonly steps: Step[] = [];
  /** The stage in which this track begins: 'births' for processes, 'threads' for threads. */
  firstStage: Stage = 'births';
  /** The last stage it takes part in: 'commit', or an earlier one for helpers, which end there. */
  lastStage: Stage = 'commit';
  #stage: Stage = 'births';
  #nextTemporary: number;

  constructor({ name, vpid, memory, temporaryFds = 0 }: TrackInit) {
    this.name = name;
    this.vpid = vpid;
    this.memory = memory;
    this.#nextTemporary = temporaryFds;
  }

  /** Steps added from now on belong to this stage. Stages may be visited in any order; encode sorts, stably. */
  at(stage: Stage): this {
    this.#stage = stage;
    return this;
  }

  /** The stage that steps added now belong to. */
  get stage(): Stage {
    return this.#stage;
  }

  /** Adds a step; the value stands for its result. */
  call<P extends Params>(
    call: Syscall<P>,
    args: CallArguments<P> | ((layout: Layout) => CallArguments<P>),
    options: StepOptions = {},
  ): Value {
    const step = new Step(call as Syscall, { args, stage: this.#stage }, options);
    this.steps.push(step);
    return new Value(this, step);
  }

  /**
   * A step that yields a new descriptor, moved at once to a temporary number above all saved ones. The lowest
   * numbers are free until the stage 'descriptors', so the kernel's answer is 0, and the number is known here.
   */
  newFd<P extends Params>(
    call: Syscall<P>,
    args: CallArguments<P> | ((layout: Layout) => CallArguments<P>),
    options: StepOptions = {},
  ): number {
    assert(call.returns === 'fd', `${call.name} does not return a descriptor`);
    this.call(call, args, { ...options, mustEqual: 0 });
    return this.keepFd(0, options);
  }

  /** Moves descriptor `low` (just made, a low number) to a temporary number. */
  keepFd(low: number, options: StepOptions = {}): number {
    const number = this.#nextTemporary++;
    this.call(
      fcntl,
      { fd: low, cmd: F_DUPFD_CLOEXEC, arg: number },
      { ...options, mustEqual: number },
    );
    this.call(close, { fd: low }, options);
    return number;
  }

  /** The first temporary number not yet used. */
  get temporaryFdsEnd(): number {
    return this.#nextTemporary;
  }
}

/** What is asked within tasks: the calls of probes as one program, and how their answers are read from a tape. */
import type { ProcessView } from '../checkpoint/views.js';
import type { ProbeTape, TaskState, TaskSubject } from '../objects/kinds.js';
import type { Track } from '../plan/track.js';
import { defined } from '../support/assert.js';
import { toNumber } from '../support/bytes.js';
import { ProbeProgram } from '../tracer/probe-program.js';

/** A state and a thread that it is asked of. */
export interface Asked {
  state: TaskState;
  subject: TaskSubject;
  seen: unknown;
}

/** Calls that read their answers from a tape. `build` is called twice, and must do the same both times. */
export class Question<T> {
  readonly program: ProbeProgram;
  #answer: (() => T) | undefined;
  #tape: Uint8Array | undefined;

  /** `process`: whose threads are asked, or one like it. */
  constructor({ is32Bit }: Pick<ProcessView, 'is32Bit'>, build: (tape: ProbeTape) => () => T) {
    this.program = new ProbeProgram((track) => {
      this.#answer = build(this.#tapeOn(track, is32Bit));
    });
  }

  /** What the calls said, of a tape that was read back. */
  answerOf(tape: Uint8Array | undefined): T {
    this.#tape = tape;
    return defined(this.#answer, 'a program is built')();
  }

  #tapeOn(track: Track, is32Bit: boolean): ProbeTape {
    const tape = (): Uint8Array => defined(this.#tape, 'a probe was read before it ran');
    return {
      is32Bit,
      call: (call, args) => {
        const index = track.steps.length;
        track.call(call, args, { onError: 'ignore' });
        return { result: () => toNumber(this.program.resultOf(tape(), index)) };
      },
      reserve: (length) => {
        const place = track.memory.reserve(length);
        return { ...place, read: () => this.program.dataOf(tape(), place.address, length) };
      },
    };
  }
}

/** The probes of some states together. */
export class Questions {
  readonly #all: Question<ReadonlyMap<TaskState, () => unknown>>;

  constructor(asked: readonly Asked[], process: ProcessView) {
    this.#all = new Question(process, (tape) => {
      const answers = new Map<TaskState, () => unknown>();
      for (const { state, subject, seen } of asked) {
        const own = { ...subject, seen };
        const answer = state.probe?.(tape, state.probesAlone?.(own) ? own : undefined);
        if (answer) answers.set(state, answer);
      }
      return () => answers;
    });
  }

  get program(): ProbeProgram {
    return this.#all.program;
  }

  /** What a tape says to the question of a state; undefined where it asked none. */
  answerOf(state: TaskState, tape: Uint8Array | undefined): unknown {
    return this.#all.answerOf(tape).get(state)?.();
  }
}

/** Questions that take several tapes: each runs in some threads of a process, while all others stand still. */
import type { ProcessView, ThreadView } from '../checkpoint/views.js';
import type { AskingWithin, ProbeTape } from '../objects/kinds.js';
import { defined } from '../support/assert.js';
import type { FrozenTree } from '../tracer/freeze.js';
import type { GadgetFinder } from '../tracer/gadgets.js';
import { runProbes } from '../tracer/probes.js';
import { refreshPending } from '../tracer/views.js';
import type { ObjectPort } from './object-port.js';
import { Question } from './questions.js';

export class AskWithin implements AskingWithin {
  readonly #tree: FrozenTree;
  readonly #process: ProcessView;
  readonly #means: { port: ObjectPort; gadgets: GadgetFinder };

  constructor(
    tree: FrozenTree,
    process: ProcessView,
    means: { port: ObjectPort; gadgets: GadgetFinder },
  ) {
    this.#tree = tree;
    this.#process = process;
    this.#means = means;
  }

  program<T>(probe: (tape: ProbeTape) => () => T): (threads: readonly ThreadView[]) => T[] {
    const question = new Question(this.#process, probe);
    const { program } = question;
    return (threads) => {
      const { port, gadgets: finder } = this.#means;
      const probes = threads.map((thread) => ({ process: this.#process, thread, program }));
      const ran = runProbes(this.#tree, probes, { finder, layout: port.xstateLayout });
      const tapes = new Map(ran.map(({ thread, tape }) => [thread, tape]));
      return threads.map((thread) =>
        question.answerOf(defined(tapes.get(thread), 'each thread has run')),
      );
    };
  }

  refreshPending(): void {
    refreshPending(this.#tree, this.#process, { threads: true });
  }
}

/**
 * A question that takes several tapes: each runs in one thread while all others stand still. Afterwards the views know
 * the signals that came meanwhile: a timer may have run off.
 */
import type { ProcessView } from '../checkpoint/views.js';
import type { AskAlone } from '../objects/kinds.js';
import { defined } from '../support/assert.js';
import type { FrozenTree } from '../tracer/freeze.js';
import type { GadgetFinder } from '../tracer/gadgets.js';
import { runProbes } from '../tracer/probes.js';
import { refreshPending } from '../tracer/views.js';
import type { ObjectPort } from './object-port.js';
import { Question } from './questions.js';

/** How the threads of one process are asked. */
export const askAlone =
  (
    tree: FrozenTree,
    process: ProcessView,
    { port, gadgets: finder }: { port: ObjectPort; gadgets: GadgetFinder },
  ): AskAlone =>
  (thread, build) => {
    const { xstateLayout: layout } = port;
    const question = new Question(build);
    const probe = { process, thread, program: question.program };
    const [ran] = runProbes(tree, [probe], { finder, layout });
    refreshPending(tree, process, { threads: true });
    return question.answerOf(defined(ran, 'a probe has run').tape);
  };

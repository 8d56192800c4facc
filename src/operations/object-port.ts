/** The port that objects get: the host's calls and files, and facts of this process and processor. */
import type { XstateLayout } from '../arch/arch.js';
import type { Host } from '../host/host.js';
import { Port } from '../host/port.js';
import { DEFAULT_OBJECT_OPTIONS, type ObjectOptions } from '../objects/options.js';
import { OwnTask } from '../objects/own-task.js';
import type { DumpPort } from '../objects/ports.js';
import type { SureTape } from '../plan/sure-tape.js';
import { defined } from '../support/assert.js';
import { runSurely, type SureOptions } from '../tracer/surely.js';

export class ObjectPort extends Port implements DumpPort {
  readonly own: OwnTask;
  options: ObjectOptions = DEFAULT_OBJECT_OPTIONS;
  readonly #host: Host;
  readonly #sure: SureOptions | undefined;
  #layout: XstateLayout | undefined;

  constructor(host: Host, { layout, sure }: { layout?: XstateLayout; sure?: SureOptions } = {}) {
    super(host);
    this.#host = host;
    this.#sure = sure;
    this.#layout = layout;
    this.own = new OwnTask(this);
  }

  surely<T>(build: (tape: SureTape) => () => T): T {
    return runSurely(this.#host, defined(this.#sure, 'this port starts no process'), build);
  }

  get xstateLayout(): XstateLayout {
    return defined(this.#layout, 'the layout of extended registers is not known yet');
  }

  /** As the first stopped task showed it. */
  set xstateLayout(layout: XstateLayout) {
    this.#layout = layout;
  }
}

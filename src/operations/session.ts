/** What every operation that touches tasks needs: the host, a port for objects, interrupts. Undone at scope end. */
import { faultsFromEnvironment } from '../host/faults.js';
import { Host } from '../host/host.js';
import { Interrupts } from '../host/interrupts.js';
import { Stubs } from '../host/stubs.js';
import { monotonicMs } from '../support/clock.js';
import { LOG_DEBUG } from '../support/log.js';
import { GadgetFinder } from '../tracer/gadgets.js';
import { ObjectPort } from './object-port.js';
import type { OperationEnv } from './types.js';

export class Session implements Disposable {
  readonly host: Host;
  readonly port: ObjectPort;
  readonly interrupts: Interrupts;
  readonly stubs: Stubs;
  readonly gadgets: GadgetFinder;

  constructor({ log, cancelled }: OperationEnv, source: string) {
    this.host = new Host(faultsFromEnvironment(process.env));
    if (process.env.WOODFROG_TRACE && log.enabled(LOG_DEBUG)) {
      this.host.trace = (line) => log.debug(source, line);
    }
    this.stubs = new Stubs(this.host);
    this.gadgets = new GadgetFinder(this.host);
    const interrupts = new Interrupts(this.host, { cancelled });
    this.interrupts = interrupts;
    const interrupted = (): void => interrupts.check(() => 'calls that belong together');
    this.port = new ObjectPort(this.host, { sure: { stubs: this.stubs, interrupted } });
  }

  [Symbol.dispose](): void {
    this.interrupts[Symbol.dispose]();
    this.port[Symbol.dispose]();
    this.stubs[Symbol.dispose]();
    this.host[Symbol.dispose]();
  }
}

/** Microseconds since `startMs` (monotonicMs()). */
export const microsecondsSince = (startMs: number): number =>
  Math.round((monotonicMs() - startMs) * 1000);

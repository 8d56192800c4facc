/** Waiting for a restored tree whose restore has returned. */
import { Host } from '../host/host.js';
import { Interrupts } from '../host/interrupts.js';
import { waitChild } from '../host/wait.js';
import { refused } from '../support/errors.js';
import type { OperationEnv, TaskEnd } from './types.js';

/** Blocks until `pid`, a child of this process, has ended, and collects its status. */
export function waitForEnd(pid: number, { cancelled }: Pick<OperationEnv, 'cancelled'>): TaskEnd {
  using host = new Host();
  using interrupts = new Interrupts(host, { cancelled });
  interrupts.arm(0);
  for (;;) {
    const event = waitChild(host, pid, interrupts);
    if (event === undefined) {
      throw refused(`pid ${pid} is no child of this process, or its status was collected already`, {
        errno: 'ECHILD',
        syscall: 'wait4',
      });
    }
    if (event.kind === 'exited') return { exited: event.status };
    if (event.kind === 'killed') return { killedBy: event.signal };
  }
}

/** Waiting for a restored tree, in the foreground or long after its restore has returned. */
import { Host } from '../host/host.js';
import { Interrupts } from '../host/interrupts.js';
import { waitEnd } from '../host/wait.js';
import { pid } from '../support/brand.js';
import { within } from '../support/errors.js';
import type { OperationEnv, TaskEnd } from './types.js';

/**
 * Blocks until `root`, a child of this process, has ended, and collects its status. Without `cancelled` signals keep
 * their default action. Throws `refused` with ECHILD when it is no child, or its status was collected already.
 */
export function waitForEnd(root: number, { cancelled }: Pick<OperationEnv, 'cancelled'>): TaskEnd {
  using host = new Host();
  if (cancelled === undefined) return endOf(host, root, () => {});
  using interrupts = new Interrupts(host, { cancelled });
  interrupts.arm(0);
  return endOf(host, root, () => interrupts.check(() => `the end of pid ${root}`));
}

function endOf(host: Host, root: number, interrupted: () => void): TaskEnd {
  const event = within({ doing: 'wait for', pid: root }, () =>
    waitEnd(host, pid(root), interrupted),
  );
  return event.kind === 'exited' ? { exited: event.status } : { killedBy: event.signal };
}

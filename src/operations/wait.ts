/** Waiting for a restored tree, in the foreground or long after its restore has returned. */
import { Host } from '../host/host.js';
import { Interrupts } from '../host/interrupts.js';
import { Port } from '../host/port.js';
import { waitEnd, waitEndOrStop } from '../host/wait.js';
import { SIGCONT, SIGSTOP, SIGTTIN, SIGTTOU } from '../linux/signal.js';
import { AT_FDCWD } from '../linux/syscall.js';
import { openat } from '../linux/syscalls/files.js';
import { getpgid, getpid, kill } from '../linux/syscalls/tasks.js';
import { O_CLOEXEC, O_NOCTTY, O_RDWR } from '../linux/uapi/fcntl.js';
import { TIOCGPGRP } from '../linux/uapi/tty.js';
import { askInt } from '../objects/files/tty/requests.js';
import { attemptForeground, type ShellJob } from '../objects/files/tty/sessions.js';
import { pid } from '../support/brand.js';
import { within } from '../support/errors.js';
import type { OperationEnv, TaskEnd } from './types.js';

interface HowToWait extends Pick<OperationEnv, 'cancelled'> {
  /** To our shell we are this job. */
  job?: ShellJob | undefined;
}

/**
 * Blocks until `root`, a child of this process, has ended, and collects its status. Without `cancelled` signals keep
 * their default action. Throws `refused` with ECHILD when it is no child, or its status was collected already.
 */
export function waitForEnd(root: number, { cancelled, job }: HowToWait): TaskEnd {
  using host = new Host();
  if (job !== undefined) return endOfJob(host, root, job);
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

/**
 * To the shell we are the job: when the restored one stops (Ctrl-Z), we stop, too, and when the shell lets us go on, we
 * hand it the terminal and let it go on. One in the background that stops for the terminal gets it at once if we have it.
 */
function endOfJob(host: Host, root: number, { group, isInFront }: ShellJob): TaskEnd {
  const port = new Port(host);
  const flags = O_RDWR | O_NOCTTY | O_CLOEXEC;
  const fd = host.attempt(openat, { dirfd: AT_FDCWD, pathname: '/dev/tty', flags, mode: 0 });
  const own = host.call(getpgid, { pid: 0 });
  // What the shell gave us, and it takes back only from us.
  let isLent = isInFront;
  // ENOTTY, EIO, EBADF: the terminal is gone. ESRCH, EPERM: the job is.
  const give = (to: number): void => {
    attemptForeground(port, fd, to);
    isLent = to === group;
  };
  for (;;) {
    const event = within({ doing: 'wait for', pid: root }, () =>
      waitEndOrStop(host, pid(root), () => {}),
    );
    const wasLent = isLent;
    if (wasLent) give(own);
    if (event.kind === 'exited') return { exited: event.status };
    if (event.kind === 'killed') return { killedBy: event.signal };
    const isOurs = (): boolean => askInt(port, fd, TIOCGPGRP) === own;
    const wantsIt = event.signal === SIGTTIN || event.signal === SIGTTOU;
    if (wasLent || !wantsIt || !isOurs())
      host.call(kill, { pid: host.call(getpid, {}), sig: SIGSTOP });
    if (isOurs()) give(group);
    host.attempt(kill, { pid: -group, sig: SIGCONT });
  }
}

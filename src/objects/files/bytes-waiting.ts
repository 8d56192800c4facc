/** How much waits to be read. FIONREAD: ioctl_pipe(2), inotify(7), fanotify(7). */
import { ioctl } from '../../linux/syscalls/files.js';
import { FIONREAD } from '../../linux/uapi/poll.js';
import { viewOf } from '../../support/bytes.js';
import type { KernelPort } from '../ports.js';

/** Of a pipe, or of a queue of events, by a descriptor of ours; throws where the file has no such thing. */
export function bytesWaiting(port: Pick<KernelPort, 'call' | 'scope'>, fd: number): number {
  using scope = port.scope();
  const argp = scope.alloc(4);
  port.call(ioctl, { fd, request: FIONREAD, argp });
  return viewOf(argp.bytes).getInt32(0, true);
}

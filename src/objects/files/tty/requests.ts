/** ioctl_tty(2) through a port: questions and orders to one descriptor of ours. */
import { EIO, ENOTTY } from '../../../linux/errno.js';
import type { StructValue } from '../../../linux/struct.js';
import { ioctl } from '../../../linux/syscalls/files.js';
import {
  TCGETS2,
  TIOCGLCKTRMIOS,
  TIOCGWINSZ,
  termios,
  termios2,
  winsize,
} from '../../../linux/uapi/tty.js';
import { viewOf } from '../../../support/bytes.js';
import type { KernelPort } from '../../ports.js';

export type Settings = StructValue<typeof termios2>;
export type LockedSettings = StructValue<typeof termios>;
export type WindowSize = StructValue<typeof winsize>;

/** An int; undefined when the terminal has no such thing. */
export function askInt(
  port: Pick<KernelPort, 'attempt' | 'scope'>,
  fd: number,
  request: number,
): number | undefined {
  using scope = port.scope();
  const argp = scope.alloc(4);
  if (port.attempt(ioctl, { fd, request, argp }) < 0) return undefined;
  return viewOf(argp.bytes).getInt32(0, true);
}

/** As askInt, of what every terminal has. Throws. */
export function mustAskInt(port: KernelPort, fd: number, request: number): number {
  using scope = port.scope();
  const argp = scope.alloc(4);
  port.call(ioctl, { fd, request, argp });
  return viewOf(argp.bytes).getInt32(0, true);
}

/** Not that of a terminal of another kind: ENOTTY. */
export function isSet(port: KernelPort, fd: number, request: number): boolean {
  using scope = port.scope();
  const argp = scope.alloc(4);
  const result = port.attempt(ioctl, { fd, request, argp });
  if (result === -ENOTTY) return false;
  if (result < 0) return mustAskInt(port, fd, request) !== 0;
  return viewOf(argp.bytes).getInt32(0, true) !== 0;
}

/** undefined: the terminal was hung up. */
export function askSettings(port: KernelPort, fd: number): Settings | undefined {
  using scope = port.scope();
  const argp = scope.alloc(termios2.size);
  const attempt = (): number => port.attempt(ioctl, { fd, request: TCGETS2, argp });
  const result = attempt();
  // It says so each time: what is taken for hung up loses all.
  if (result === -EIO && attempt() === -EIO) return undefined;
  if (result < 0) port.call(ioctl, { fd, request: TCGETS2, argp });
  return termios2.decode(argp.bytes);
}

export function askLocked(port: KernelPort, fd: number): LockedSettings {
  using scope = port.scope();
  const argp = scope.alloc(termios.size);
  port.call(ioctl, { fd, request: TIOCGLCKTRMIOS, argp });
  return termios.decode(argp.bytes);
}

export function askWindowSize(port: KernelPort, fd: number): WindowSize {
  using scope = port.scope();
  const argp = scope.alloc(winsize.size);
  port.call(ioctl, { fd, request: TIOCGWINSZ, argp });
  return winsize.decode(argp.bytes);
}

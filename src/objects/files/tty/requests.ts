/** ioctl_tty(2) through a port: questions and orders to one descriptor of ours. */
import { EIO } from '../../../linux/errno.js';
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

export const isSet = (port: KernelPort, fd: number, request: number): boolean =>
  (askInt(port, fd, request) ?? 0) !== 0;

/** undefined: the terminal was hung up. */
export function askSettings(port: KernelPort, fd: number): Settings | undefined {
  using scope = port.scope();
  const argp = scope.alloc(termios2.size);
  const result = port.attempt(ioctl, { fd, request: TCGETS2, argp });
  if (result === -EIO) return undefined;
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

/** Which terminal an open file is about, by its device number alone. Documentation/admin-guide/devices.txt. */
import { TtyType } from '../../../images/messages/tty.js';
import { type Device, decodeDev, encodeDev } from '../../../linux/procfs/devices.js';
import { S_IFCHR } from '../../../linux/uapi/fcntl.js';
import {
  CONSOLE_MINOR,
  PTMX_MINOR,
  SERIAL_MINOR,
  TTY_MAJOR,
  TTY_MINOR,
  TTYAUX_MAJOR,
  UNIX98_PTY_SLAVE_MAJOR,
} from '../../../linux/uapi/tty.js';
import { toNumber } from '../../../support/bytes.js';
import type { DescriptionView, FileDiscriminant } from '../../kinds.js';

/** 'device': a console or a serial line. 'current': /dev/tty. */
export type Side = 'master' | 'slave' | 'device' | 'current';

export interface Which {
  readonly side: Side;
  /** One of TtyType. */
  readonly type: number;
  /** The number of a pty. */
  readonly index: number;
}

const SLAVE_MAJORS = [136, 137, 138, 139, 140, 141, 142, 143];
/** Serial lines, hypervisor consoles. */
const LINE_MAJORS = [204, 229];

export const TERMINALS: readonly FileDiscriminant[] = [
  [TTY_MAJOR],
  [TTYAUX_MAJOR, TTY_MINOR],
  [TTYAUX_MAJOR, CONSOLE_MINOR],
  [TTYAUX_MAJOR, PTMX_MINOR],
  ...[...SLAVE_MAJORS, ...LINE_MAJORS].map((major) => [major]),
].map(([major = 0, minor]) => ({
  fileType: S_IFCHR,
  device: minor === undefined ? [major] : [major, minor],
}));

const isSlave = ({ major }: Device): boolean => SLAVE_MAJORS.includes(major);

/** Each major number of slaves has so many. drivers/tty/pty.c numbers them on through the first one. */
const slaveIndex = ({ minor }: Device): number => minor;

export const slaveDevice = (index: number): number =>
  encodeDev({ major: UNIX98_PTY_SLAVE_MAJOR, minor: index });

export function whichTerminal({ stat, fdinfo }: Pick<DescriptionView, 'stat' | 'fdinfo'>): Which {
  const device = decodeDev(toNumber(stat.rdev));
  const { major, minor } = device;
  if (isSlave(device)) return { side: 'slave', type: TtyType.PTY, index: slaveIndex(device) };
  if (major !== TTYAUX_MAJOR) {
    const isConsole = major === TTY_MAJOR && minor < SERIAL_MINOR;
    return { side: 'device', type: isConsole ? TtyType.VT : TtyType.SERIAL, index: 0 };
  }
  if (minor === PTMX_MINOR) {
    return { side: 'master', type: TtyType.PTY, index: fdinfo.dec('tty-index') };
  }
  if (minor === CONSOLE_MINOR) return { side: 'device', type: TtyType.CONSOLE, index: 0 };
  return { side: 'current', type: TtyType.CTTY, index: 0 };
}

/** Both sides of a pty are looked at together. Of /dev/tty each description may be about another terminal. */
export function terminalKey(view: DescriptionView): string {
  const { side, index } = whichTerminal(view);
  if (side === 'current') return `current ${view.process.pid} ${view.fd}`;
  return side === 'device' ? `tty ${view.stat.rdev}` : `pts ${index}`;
}

/**
 * Device numbers: the three ways in which Linux writes a major and minor number into one word
 * (include/linux/kdev_t.h), and /proc/devices, which names the drivers.
 */
import { assert } from '../../support/assert.js';
import { Cursor, splitLines, unreadable } from './text.js';

const FILE = '/proc/devices';

export interface Device {
  major: number;
  minor: number;
}

// Arithmetic, not shifts: the words are unsigned and JavaScript's shifts are not.
const MINOR_SPAN = 0x10_0000;
const LOW_MINOR_SPAN = 0x100;
const MAJOR_SPAN = 0x1000;

/**
 * The kernel's own dev_t, as 'sdev:' of fdinfo and /proc/net files show it: major << 20 | minor.
 */
export const decodeKernelDev = (dev: number): Device => ({
  major: Math.floor(dev / MINOR_SPAN),
  minor: dev % MINOR_SPAN,
});

export const encodeKernelDev = ({ major, minor }: Device): number => {
  check({ major, minor });
  return major * MINOR_SPAN + minor;
};

/**
 * new_encode_dev, as st_dev and st_rdev of stat(2), mknod(2), tty_nr of /proc/PID/stat: the minor's
 * low 8 bits, then the major's 12, then the rest of the minor.
 */
export const decodeDev = (dev: number): Device => ({
  major: Math.floor(dev / LOW_MINOR_SPAN) % MAJOR_SPAN,
  minor: Math.floor(dev / MINOR_SPAN) * LOW_MINOR_SPAN + (dev % LOW_MINOR_SPAN),
});

export const encodeDev = ({ major, minor }: Device): number => {
  check({ major, minor });
  const high = Math.floor(minor / LOW_MINOR_SPAN);
  return high * MINOR_SPAN + major * LOW_MINOR_SPAN + (minor % LOW_MINOR_SPAN);
};

function check({ major, minor }: Device): void {
  assert(major >= 0 && major < MAJOR_SPAN, `${major} is not a major device number`);
  assert(minor >= 0 && minor < MINOR_SPAN, `${minor} is not a minor device number`);
}

/** tty_nr of /proc/PID/stat is a signed 32-bit number; undefined: no terminal. */
export const decodeTtyNr = (tty_nr: number): Device | undefined =>
  tty_nr === 0 ? undefined : decodeDev(tty_nr < 0 ? tty_nr + 2 ** 32 : tty_nr);

export interface Drivers {
  /** Names by major number; a number may have several (5: /dev/tty, /dev/console, /dev/ptmx). */
  character: Map<number, string[]>;
  block: Map<number, string[]>;
}

/** /proc/devices, proc_devices(5). */
export function parseDevices(text: string): Drivers {
  const drivers: Drivers = { character: new Map(), block: new Map() };
  let section: Map<number, string[]> | undefined;
  for (const line of splitLines(text)) {
    if (line === 'Character devices:') section = drivers.character;
    else if (line === 'Block devices:') section = drivers.block;
    else if (line !== '') addDriver(section, line);
  }
  return drivers;
}

function addDriver(section: Map<number, string[]> | undefined, line: string): void {
  if (section === undefined) throw unreadable(FILE, line);
  const cursor = new Cursor(FILE, line);
  cursor.skipBlanks();
  const major = cursor.decimal();
  cursor.skipBlanks();
  const name = cursor.restOfLine();
  const names = section.get(major);
  if (names === undefined) section.set(major, [name]);
  else names.push(name);
}

/** Device files by their numbers: any path of a device is as good as another (--evasive-devices). */
import { decodeDev } from '../../linux/procfs/devices.js';
import { S_IFBLK, S_IFCHR, S_IFMT } from '../../linux/uapi/fcntl.js';
import { toNumber } from '../../support/bytes.js';
import type { NamedFile } from '../kinds.js';
import type { KernelPort } from '../ports.js';
import type { RegFileEntry } from '../rebuild-context.js';

interface Device {
  /** S_IFCHR or S_IFBLK, and permissions. */
  mode: number;
  rdev: bigint;
}

export const isDevice = (mode: number): boolean =>
  (mode & S_IFMT) === S_IFCHR || (mode & S_IFMT) === S_IFBLK;

export const deviceText = (rdev: bigint): string => {
  const { major, minor } = decodeDev(toNumber(rdev));
  return `${major}:${minor}`;
};

/** Documentation/admin-guide/devices.txt: what every system has under these names. */
const USUAL: ReadonlyMap<string, bigint> = new Map([
  ['/dev/null', 0x103n],
  ['/dev/zero', 0x105n],
  ['/dev/full', 0x107n],
  ['/dev/random', 0x108n],
  ['/dev/urandom', 0x109n],
]);

/** What an entry must say of a device: its number, unless that follows from the name. */
export const rdevEntry = (name: string, { mode, rdev }: Device): { rdev?: bigint } =>
  isDevice(mode) && USUAL.get(name) !== rdev ? { rdev } : {};

/** The number of the device that was saved; undefined for what is none, and in images that do not say it. */
export const savedDevice = ({ name, mode = 0, rdev, ext }: RegFileEntry): bigint | undefined =>
  isDevice(mode) ? (rdev ?? (ext ? undefined : USUAL.get(name))) : undefined;

/** What is at this path, if it is this device. */
function findAt(port: KernelPort, name: string, { mode, rdev }: Device): NamedFile | undefined {
  const stat = port.attemptStat(name);
  if (typeof stat === 'number' || stat.rdev !== rdev) return undefined;
  return ((stat.mode ^ mode) & S_IFMT) === 0 ? { name, stat } : undefined;
}

/** By the path that the kernel's device manager gives it: sysfs knows (DEVNAME of its uevent). */
function findElsewhere(port: KernelPort, device: Device): NamedFile | undefined {
  const folder = (device.mode & S_IFMT) === S_IFCHR ? 'char' : 'block';
  const uevent = port.attemptReadText(`/sys/dev/${folder}/${deviceText(device.rdev)}/uevent`);
  if (typeof uevent === 'number') return undefined;
  const [, name] = /^DEVNAME=(.+)$/m.exec(uevent) ?? [];
  return name === undefined ? undefined : findAt(port, `/dev/${name}`, device);
}

/** In a dump: a device whose name does not lead to it any more, by another; or as it was. */
export function evadeName(port: KernelPort, named: NamedFile): NamedFile {
  const { stat, obstacle, remap } = named;
  if (!isDevice(stat.mode) || !(obstacle || remap)) return named;
  return findElsewhere(port, stat) ?? named;
}

/** In a restore: the same of an entry that says which device it was. Permissions are those of the path. */
export function evadeEntry(port: KernelPort, entry: RegFileEntry): RegFileEntry {
  const { name, mode = 0, ext } = entry;
  const rdev = savedDevice(entry);
  if (rdev === undefined || ext) return entry;
  if (findAt(port, name, { mode, rdev })) return entry;
  const found = findElsewhere(port, { mode, rdev });
  return found ? { ...entry, name: found.name, mode: found.stat.mode } : entry;
}

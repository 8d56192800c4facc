/**
 * What a dump leaves out because the user says so (--external), for a restore that is handed a descriptor in its place:
 * how such things are called, in the option and in the images. Both numbers of a file are hexadecimal there.
 */
import { S_IFBLK, S_IFCHR, S_IFDIR, S_IFIFO, S_IFREG } from '../../linux/uapi/fcntl.js';
import { toNumber } from '../../support/bytes.js';
import type { CheckpointError } from '../../support/errors.js';
import type { DescriptionView } from '../kinds.js';
import { toType } from './named.js';

type Place = Pick<DescriptionView, 'fdinfo' | 'stat'>;

/** 'file[1b:230084]': the mount's id, from fdinfo, and the inode. */
export const externalFile = ({ fdinfo, stat }: Place): string =>
  `file[${fdinfo.mnt_id.toString(16)}:${stat.ino.toString(16)}]`;

/** 'tty[8803:1a]': as stat(2) numbers devices. */
export const externalTerminal = ({ stat: { rdev, dev } }: Pick<Place, 'stat'>): string =>
  `tty[${rdev.toString(16)}:${dev.toString(16)}]`;

export const externalPipe = (inode: bigint | number): string => `pipe[${inode}]`;

/** What the user may call a pipe or FIFO. */
export const externalQueue = ({ link, ...place }: Place & Pick<DescriptionView, 'link'>): string =>
  link.kind === 'pseudo' ? externalPipe(link.inode) : externalFile(place);

const FILE_IDS = /^file\[(?:0x)?([0-9a-f]+):(?:0x)?([0-9a-f]+)\]$/i;

/** Whether both name one file: /proc shows the numbers in decimal, and so people write them. */
export function isSameFileName(given: string, name: string): boolean {
  const [one, other] = [FILE_IDS.exec(given), FILE_IDS.exec(name)];
  if (!one || !other) return false;
  const wanted = numbersOf(other, 16);
  return ([16, 10] as const).some((radix) => numbersOf(one, radix) === wanted);
}

function numbersOf([, mount = '', inode = '']: readonly string[], radix: 10 | 16): string {
  if (radix === 16) return `${BigInt(`0x${mount}`)} ${BigInt(`0x${inode}`)}`;
  return /^\d+$/.test(mount + inode) ? `${BigInt(mount)} ${BigInt(inode)}` : '';
}

const OPENABLE = [S_IFREG, S_IFDIR, S_IFCHR, S_IFBLK, S_IFIFO];

/** Whether this is a file with a path, of a type that a descriptor can stand for. */
export const canBeExternal = ({ link, stat }: DescriptionView): boolean =>
  (link.kind === 'path' || link.kind === 'unreachable') && OPENABLE.includes(toType(stat));

export const isExternalFile = (view: DescriptionView, external: readonly string[]): boolean =>
  canBeExternal(view) && external.some((given) => isSameFileName(given, externalFile(view)));

/** Those that no open file of the tree is called. */
export function unmatched(
  external: readonly string[],
  views: readonly DescriptionView[],
): readonly string[] {
  return external.filter((given) => {
    const isCalled = (view: DescriptionView): boolean =>
      given === externalQueue(view) ||
      given === externalTerminal(view) ||
      (canBeExternal(view) && isSameFileName(given, externalFile(view)));
    return !views.some(isCalled);
  });
}

/** The same refusal, with this way out behind those that it names. */
export function offerExternal(error: CheckpointError, resource: string): CheckpointError {
  const others = error.remedy === undefined ? '' : `${error.remedy}, or `;
  error.remedy = `${others}leave it out by --external '${resource}', and hand in another at the restore`;
  return error;
}

/** Of a device: drivers know more of an open file than its name. */
export const isDriverFile = ({ stat }: Pick<DescriptionView, 'stat'>): boolean =>
  toType(stat) === S_IFCHR && !isStateless(toNumber(stat.rdev));

/** Documentation/admin-guide/devices.txt: null, zero, full, random, urandom. */
export const STATELESS_MINORS = [3, 5, 7, 8, 9];
/** /dev/net/tun. */
export const MISC_MAJOR = 10;
export const TUN_MINOR = 200;
const isStateless = (rdev: number): boolean =>
  STATELESS_MINORS.some((minor) => rdev === 0x100 + minor);

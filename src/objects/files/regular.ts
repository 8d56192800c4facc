/** Regular files, directories, and the character devices that keep no state: opened by their name again. */
import { fd_types } from '../../images/messages/fdinfo.js';
import { decodeDev } from '../../linux/procfs/devices.js';
import { O_CLOEXEC, S_IFCHR, S_IFDIR, S_IFMT, S_IFREG } from '../../linux/uapi/fcntl.js';
import { defined } from '../../support/assert.js';
import { toNumber } from '../../support/bytes.js';
import { defineFileKind } from '../kinds.js';
import type { RegFileEntry } from '../rebuild-context.js';
import { MISC_MAJOR, STATELESS_MINORS, TUN_MINOR } from './external.js';
import { seekNamed, surveyNamed } from './open-named.js';

const STATELESS_DEVICES = STATELESS_MINORS.map((minor) => ({
  fileType: S_IFCHR,
  device: [1, minor] as const,
}));
/** As CRIU says that nothing is to be sought: to a tun device any lseek(2) is an error. */
const NO_POSITION = 0xffff_ffff_ffff_ffffn;

/** Which has a state only once it has an interface. */
const TUN = { fileType: S_IFCHR, device: [MISC_MAJOR, TUN_MINOR] as const };

const isTun = ({ mode, rdev }: { mode: number; rdev: bigint }): boolean => {
  const { major, minor } = decodeDev(toNumber(rdev));
  return (mode & S_IFMT) === S_IFCHR && major === MISC_MAJOR && minor === TUN_MINOR;
};

export const regularFile = defineFileKind<RegFileEntry>({
  name: 'file',
  fdType: fd_types.REG,
  unionField: 'reg',
  recognize: [{ fileType: S_IFREG }, { fileType: S_IFDIR }, ...STATELESS_DEVICES, TUN],
  inspect({ id, description: { named, fdinfo }, ids }) {
    const file = defined(named, 'a file without a name');
    const pos = isTun(file.stat) ? NO_POSITION : fdinfo.pos;
    return { entry: ids.regEntry(file, { id, flags: fdinfo.flags & ~O_CLOEXEC, pos }) };
  },
  survey: surveyNamed,
  open({ entry, process, files }) {
    const fd = files.open(process, entry, entry.flags);
    seekNamed(process.track, fd, entry);
    return fd;
  },
});

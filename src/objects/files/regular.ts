/** Regular files, directories, and the character devices that keep no state: opened by their name again. */
import { fd_types } from '../../images/messages/fdinfo.js';
import { O_CLOEXEC, S_IFCHR, S_IFDIR, S_IFREG } from '../../linux/uapi/fcntl.js';
import { defined } from '../../support/assert.js';
import { defineFileKind } from '../kinds.js';
import type { RegFileEntry } from '../rebuild-context.js';
import { MISC_MAJOR, STATELESS_MINORS, TUN_MINOR } from './external.js';
import { seekNamed, surveyNamed } from './open-named.js';

const STATELESS_DEVICES = STATELESS_MINORS.map((minor) => ({
  fileType: S_IFCHR,
  device: [1, minor] as const,
}));
/** Which has a state only once it has an interface. */
const TUN = { fileType: S_IFCHR, device: [MISC_MAJOR, TUN_MINOR] as const };

export const regularFile = defineFileKind<RegFileEntry>({
  name: 'file',
  fdType: fd_types.REG,
  unionField: 'reg',
  recognize: [{ fileType: S_IFREG }, { fileType: S_IFDIR }, ...STATELESS_DEVICES, TUN],
  inspect({ id, description: { named, fdinfo }, ids }) {
    const file = defined(named, 'a file without a name');
    return { entry: ids.regEntry(file, { id, flags: fdinfo.flags & ~O_CLOEXEC, pos: fdinfo.pos }) };
  },
  survey: surveyNamed,
  open({ entry, process, files }) {
    const fd = files.open(process, entry, entry.flags);
    seekNamed(process.track, fd, entry);
    return fd;
  },
});

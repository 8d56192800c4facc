/** Working directory, root directory and umask: fs-PID.img, whose entry inspectFiles makes. */
import { IMAGES } from '../../images/catalogue.js';
import { chroot, fchdir, umask } from '../../linux/syscalls/files.js';
import { O_DIRECTORY, O_PATH } from '../../linux/uapi/fcntl.js';
import { defineTaskState } from '../kinds.js';

/** Enough to go there, and possible without the right to list it. */
const FLAGS = O_PATH | O_DIRECTORY;

export const directories = defineTaskState({
  name: 'directories',
  scope: 'process',
  table: 'fs_id',
  rebuild({ process }, { images, files }) {
    const { cwd_id, root_id, umask: mask } = images.require(IMAGES.FS, process.vpid);
    const cwd = files.use(process, cwd_id, FLAGS);
    const isChrooted = files.named(root_id).name !== '/';
    const root = isChrooted ? files.use(process, root_id, FLAGS) : undefined;
    const track = process.track.at('task state');
    if (root !== undefined) {
      track.call(fchdir, { fd: root }, { object: 'root directory' });
      track.call(chroot, { path: '.' }, { object: 'root directory' });
    }
    track.call(fchdir, { fd: cwd }, { object: 'working directory' });
    if (mask !== undefined) track.call(umask, { mask }, { object: 'umask' });
  },
});

/** The file mode creation mask, which belongs to the directories of a process. umask(2). */
import { IMAGES } from '../../images/catalogue.js';
import { umask as umaskCall } from '../../linux/syscalls/files.js';
import { defined } from '../../support/assert.js';
import { defineTaskState } from '../kinds.js';

export const umask = defineTaskState({
  name: 'umask',
  scope: 'process',
  inspect: ({ process: { status } }) => ({
    fs: { umask: defined(status.Umask, '/proc/PID/status has no Umask') },
  }),
  rebuild({ track, process: { vpid } }, { images }) {
    const mask = images.get(IMAGES.FS, vpid)?.umask;
    // After all that makes files and directories.
    if (mask !== undefined) track.at('task state').call(umaskCall, { mask });
  },
});

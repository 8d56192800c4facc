/** The pipe by which the kernel tells an automounter what to mount: its writing end is in the mount itself. */
import { parseMountinfo } from '../../linux/procfs/mountinfo.js';
import { unsupported } from '../../support/errors.js';
import type { DescriptionView } from '../kinds.js';
import type { DumpPort } from '../ports.js';

/** Throws for such a pipe: a mount keeps the pipe that it was made with. Linux fs/autofs/inode.c, autofs_show_options. */
export function refuseAutofs(port: DumpPort, { link, stat }: DescriptionView): void {
  if (link.kind !== 'pseudo') return;
  const option = `pipe_ino=${stat.ino}`;
  const mounts = parseMountinfo(port.readText('/proc/self/mountinfo'));
  const mount = mounts.find(
    ({ fstype, superOptions }) => fstype === 'autofs' && superOptions.split(',').includes(option),
  );
  if (mount === undefined) return;
  throw unsupported(
    `it is the pipe of an automounter (autofs), by which the kernel asks for what is to be mounted on '${mount.mountpoint}'`,
    {
      object: 'autofs pipe',
      remedy: `umount '${mount.mountpoint}' before the checkpoint, and mount it after the restore`,
    },
  );
}

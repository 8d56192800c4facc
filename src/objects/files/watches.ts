/** What inotify and fanotify have in common: files known by device, inode and handle, and events that are not read. */
import type { fh_entry } from '../../images/messages/fh.js';
import type { MessageValue } from '../../images/schema.js';
import type { FdinfoRecord } from '../../linux/procfs/fdinfo.js';
import { ioctl } from '../../linux/syscalls/files.js';
import { FIONREAD } from '../../linux/uapi/poll.js';
import { viewOf } from '../../support/bytes.js';
import { unsupported } from '../../support/errors.js';
import type { DescriptionView } from '../kinds.js';
import type { DumpPort } from '../ports.js';
import type { FoundPath, WatchedFile } from './watched-paths.js';

/** A line of fdinfo with 'ino', 'sdev' and 'f_handle'. */
export const watchedFile = (line: FdinfoRecord): WatchedFile => ({
  sdev: line.hex('sdev'),
  ino: line.hex64('ino'),
  handle: Uint8Array.from(Buffer.from(line.find('f_handle') ?? '', 'hex')),
  handleType: line.has('fhandle-type') ? line.hex('fhandle-type') : 0,
});

export function unreadBytes(port: DumpPort, { process, fd }: DescriptionView): number {
  const taken = port.take(process.pid, fd);
  using scope = port.scope();
  const argp = scope.alloc(4);
  try {
    port.call(ioctl, { fd: taken, request: FIONREAD, argp });
    return viewOf(argp.bytes).getInt32(0, true);
  } finally {
    port.drop(taken);
  }
}

/** Words of fh_entry.handle. */
const HANDLE_WORDS = 16;

/** `what` is for errors: 'its watch 3'. Throws unsupported(...) for a file that a restore would not find. */
export function handleEntry(
  what: string,
  { ino, handle, handleType }: WatchedFile,
  found: FoundPath,
): MessageValue<typeof fh_entry> {
  if (found === undefined) {
    throw unsupported(`the name of what ${what} is on (inode ${ino}) is not found`, {
      remedy: 'close it before the checkpoint',
    });
  }
  if ('deleted' in found) {
    throw unsupported(`${what} is on '${found.deleted}', which is deleted: that is not saved yet`, {
      remedy: 'remove it before the checkpoint',
    });
  }
  const padded = new Uint8Array(HANDLE_WORDS * 8);
  padded.set(handle);
  const view = viewOf(padded);
  const words = Array.from({ length: HANDLE_WORDS }, (_, i) => view.getBigUint64(i * 8, true));
  return { bytes: handle.length, type: handleType, handle: words, path: found.path };
}

/** What inotify and fanotify have in common: files known by device, inode and handle, and events that are not read. */
import type { fh_entry } from '../../images/messages/fh.js';
import type { MessageValue } from '../../images/schema.js';
import type { FdinfoRecord } from '../../linux/procfs/fdinfo.js';
import { IN_ACCESS, IN_CLOSE_NOWRITE, IN_OPEN } from '../../linux/uapi/events.js';
import { viewOf } from '../../support/bytes.js';
import { unsupported } from '../../support/errors.js';
import type { DescriptionView, FileBuild, FileIds } from '../kinds.js';
import type { DumpPort } from '../ports.js';
import { bytesWaiting } from './bytes-waiting.js';
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
  try {
    return bytesWaiting(port, taken);
  } finally {
    port.drop(taken);
  }
}

/** Events by which somebody is told that a file is looked at. */
export const NOTICES_LOOKING = IN_OPEN | IN_CLOSE_NOWRITE | IN_ACCESS;

/** Whether any of these watches would be told when a file is opened. `lines`: as for `watchedFile`. */
export function noticesOf(lines: readonly FdinfoRecord[]): (sdev: number, ino: bigint) => boolean {
  const noticed = new Set(
    lines
      .filter((line) => (line.hex('mask') & NOTICES_LOOKING) !== 0)
      .map((line) => `${line.hex('sdev')} ${line.hex64('ino')}`),
  );
  return (sdev, ino) => noticed.has(`${sdev} ${ino}`);
}

/** Words of fh_entry.handle. */
const HANDLE_WORDS = 16;

/** `what` is for errors: 'its watch 3'. Throws unsupported(...) for a file that a restore would not find. */
export function handleEntry(
  what: string,
  { ino, handle, handleType }: WatchedFile,
  found: FoundPath,
): MessageValue<typeof fh_entry> {
  const path = found && 'path' in found ? { path: found.path } : {};
  if (found === undefined) {
    throw unsupported(`the name of what ${what} is on (inode ${ino}) is not found`, {
      remedy: 'close it before the checkpoint',
    });
  }
  if ('deleted' in found && !found.open) {
    throw unsupported(
      `${what} is on '${found.deleted}', which is deleted and not open in the tree`,
      {
        remedy: 'remove it before the checkpoint',
      },
    );
  }
  const padded = new Uint8Array(HANDLE_WORDS * 8);
  padded.set(handle);
  const view = viewOf(padded);
  const words = Array.from({ length: HANDLE_WORDS }, (_, i) => view.getBigUint64(i * 8, true));
  return { bytes: handle.length, type: handleType, handle: words, ...path };
}

/** Our field of entries whose file is deleted: the id of what the tree has open of it. */
export function openFileOf(found: FoundPath, ids: FileIds): { file_id?: number } {
  return found && 'deleted' in found && found.open ? { file_id: ids.idOf(found.open) } : {};
}

interface Watched {
  f_handle: MessageValue<typeof fh_entry>;
  file_id?: number | undefined;
}

/** `what` is for errors. The path that a restore looks for; undefined: that of an open file. */
export function savedPath(what: string, { f_handle, file_id }: Watched): string | undefined {
  if (f_handle.path !== undefined || file_id !== undefined) return f_handle.path;
  throw unsupported(`${what} has no path in the images`);
}

/** What a restore watches: by a name of /proc, which is to be followed, or by the file's own, which is not. */
export function watchedPath(
  what: string,
  watched: Watched,
  { files, process }: Pick<FileBuild<unknown, unknown>, 'files' | 'process'>,
): { path: string; follow: boolean } {
  const path = savedPath(what, watched);
  if (path !== undefined) return { path, follow: false };
  const fd = files.temporary(process, watched.file_id ?? -1);
  return { path: `/proc/self/fd/${fd}`, follow: true };
}

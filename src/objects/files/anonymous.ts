/** What the kinds without a file have in common: the fields of every entry, and status flags set after they are made. */
import { fcntl } from '../../linux/syscalls/files.js';
import { F_SETFL, O_CLOEXEC } from '../../linux/uapi/fcntl.js';
import type { Track } from '../../plan/track.js';
import type { DescriptionView } from '../kinds.js';
import { settableFlags } from './pipe-queue.js';
import { noOwner } from './registry.js';

export const commonFields = (id: number, { fdinfo }: DescriptionView) => ({
  id,
  flags: fdinfo.flags & ~O_CLOEXEC,
  fown: noOwner(),
});

/** O_NONBLOCK, O_APPEND and their like, on a new descriptor that has none of them. */
export function setFlags(track: Track, fd: number, flags: number, object: string): void {
  const arg = settableFlags(flags);
  if (arg !== 0) track.call(fcntl, { fd, cmd: F_SETFL, arg }, { object });
}

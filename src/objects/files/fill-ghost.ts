/**
 * What a ghost file holds, in a restore: content, owner, mode and times, put there by woodfrog when the file is made and
 * has lost its name again, and before anybody opens it.
 */
import type { Payload } from '../../images/framing.js';
import type { ghost_chunk_entry } from '../../images/messages/ghost-file.js';
import type { MessageValue } from '../../images/schema.js';
import type { Content, ImageWriter } from '../../images/store.js';
import { EINTR, EIO, errnoName } from '../../linux/errno.js';
import { AT_FDCWD } from '../../linux/syscall.js';
import { fchmodat, fchownat, ftruncate, pwrite64, utimensat } from '../../linux/syscalls/files.js';
import { S_IFMT, S_IFREG } from '../../linux/uapi/fcntl.js';
import { timespec } from '../../linux/uapi/sched.js';
import { concat } from '../../support/bytes.js';
import { refused } from '../../support/errors.js';
import type { KernelPort } from '../ports.js';
import type { GhostEntry } from './ghost.js';

const NS_PER_US = 1000;
const PERMISSIONS = 0o7777;

/** `fd`, of our own table: open for writing if it is a regular file. */
export function fillGhost(
  port: KernelPort,
  fd: number,
  { entry, payload }: { entry: GhostEntry; payload: Payload<Content> | undefined },
): void {
  const { uid, gid, mode, atim, mtim, chunks, size = 0 } = entry;
  if ((mode & S_IFMT) === S_IFREG) {
    if (chunks) port.call(ftruncate, { fd, length: size });
    payload?.blocks.extra?.writeTo(new FileWriter(port, fd, 0));
    for (const { value, blocks } of payload?.records ?? []) {
      const { off } = value as MessageValue<typeof ghost_chunk_entry>;
      blocks.extra?.writeTo(new FileWriter(port, fd, off));
    }
  }
  // By the link: it leads to files that cannot be opened for this, FIFOs for one.
  const at = { dirfd: AT_FDCWD, pathname: `/proc/self/fd/${fd}` };
  port.call(fchownat, { ...at, owner: uid, group: gid, flags: 0 });
  // After the owner, which takes set-user-ID away.
  port.call(fchmodat, { ...at, mode: mode & PERMISSIONS });
  if (atim === undefined || mtim === undefined) return;
  const times = [atim, mtim].map(({ tv_sec, tv_usec }) =>
    timespec.encode({ tv_sec, tv_nsec: tv_usec * NS_PER_US }),
  );
  port.call(utimensat, { ...at, times: concat(times), flags: 0 });
}

/** What streams out of an image goes into a file of ours. */
class FileWriter implements ImageWriter {
  position: number;
  private readonly port: KernelPort;
  private readonly fd: number;

  constructor(port: KernelPort, fd: number, position: number) {
    this.port = port;
    this.fd = fd;
    this.position = position;
  }

  write(bytes: Uint8Array): void {
    const { port, fd } = this;
    for (let done = 0; done < bytes.length; ) {
      const buf = bytes.subarray(done);
      const call = { fd, buf, count: buf.length, offset: this.position };
      const result = port.attempt(pwrite64, call);
      if (result === -EINTR) continue;
      if (result <= 0) {
        const errno = errnoName(result === 0 ? EIO : -result);
        throw refused(`pwrite64: ${errno}`, {
          ...{ syscall: 'pwrite64', errno },
          remedy: 'make room on the file system that the deleted file was on',
        });
      }
      done += result;
      this.position += result;
    }
  }

  finish(): void {}
  close(): void {}
}

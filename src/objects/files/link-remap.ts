/**
 * Further names of files whose own is gone, made when the images are about to be written: the last thing a dump does
 * that others can see, and undone when it fails. A restore takes them away.
 */
import { EEXIST, errnoName } from '../../linux/errno.js';
import { AT_FDCWD } from '../../linux/syscall.js';
import { linkat, unlinkat } from '../../linux/syscalls/files.js';
import { AT_SYMLINK_FOLLOW } from '../../linux/uapi/fcntl.js';
import { refused } from '../../support/errors.js';
import type { KernelPort } from '../ports.js';
import type { FurtherName } from './remaps.js';

/** How many names that are taken are passed over. */
const ATTEMPTS = 1000;

export class LinkRemaps {
  private readonly port: KernelPort;
  private readonly made: string[] = [];

  constructor(port: KernelPort) {
    this.port = port;
  }

  /** Makes the names, and writes into the entries what they became. */
  make(names: readonly FurtherName[]): void {
    for (const { via, entry } of names) {
      entry.name = this.link(via, entry.name);
      this.made.push(entry.name);
    }
  }

  private link(via: string, wanted: string): string {
    let name = wanted;
    for (let i = 1; ; i++) {
      const result = this.port.attempt(linkat, {
        ...{ olddirfd: AT_FDCWD, oldpath: via, newdirfd: AT_FDCWD, newpath: name },
        flags: AT_SYMLINK_FOLLOW,
      });
      if (result >= 0) return name;
      // Left behind by a checkpoint that was never restored.
      if (result === -EEXIST && i < ATTEMPTS) {
        name = `${wanted}.${i}`;
        continue;
      }
      const errno = errnoName(-result);
      throw refused(`the name '${name}' cannot be made: linkat: ${errno}`, {
        ...{ object: 'link-remap', syscall: 'linkat', errno },
        remedy: 'make its directory one that woodfrog can write to',
      });
    }
  }

  /** Takes away what was made. */
  undo(): void {
    for (const pathname of this.made.splice(0)) {
      this.port.attempt(unlinkat, { dirfd: AT_FDCWD, pathname, flags: 0 });
    }
  }
}

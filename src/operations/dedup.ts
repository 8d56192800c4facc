/**
 * `woodfrog dedup`: frees what parent images hold of pages that a later checkpoint has saved anew, by holes in their page
 * files (fallocate(2), FALLOC_FL_PUNCH_HOLE). The parents can no longer be restored by themselves.
 */
import { FolderStore } from '../folder/store.js';
import { Host } from '../host/host.js';
import { IMAGES, identifyImage } from '../images/catalogue.js';
import {
  type PagemapKind,
  type ParentedStore,
  parentChain,
  supersededPages,
} from '../images/parents.js';
import { AT_FDCWD } from '../linux/syscall.js';
import { close, fallocate, openat } from '../linux/syscalls/files.js';
import {
  FALLOC_FL_KEEP_SIZE,
  FALLOC_FL_PUNCH_HOLE,
  O_CLOEXEC,
  O_NOFOLLOW,
  O_RDWR,
} from '../linux/uapi/fcntl.js';
import type { ImagesOptions } from '../options/image-types.js';
import { imageError, within } from '../support/errors.js';
import type { DedupReport } from './image-types.js';

export function dedup({ imagesDir }: ImagesOptions): DedupReport {
  return within({ doing: 'dedup' }, () => {
    const store = new FolderStore(imagesDir);
    const chain = parentChain(store);
    if (chain.length < 2) {
      throw imageError('the checkpoint has no parent images', {
        object: imagesDir,
        remedy: 'name the folder of an incremental checkpoint',
      });
    }
    const host = new Host();
    const punch = new HolePunch(host, chain);
    let freedBytes = 0;
    try {
      for (const name of store.list().sort()) {
        const found = identifyImage(name);
        const kind = [IMAGES.PAGEMAP, IMAGES.SHMEM_PAGEMAP].find(
          ({ key }) => key === found?.image.key,
        );
        if (kind) freedBytes += punch.images(kind, Number(found?.id));
        // Page files are mostly one pagemap's: descriptors do not pile up.
        punch.close();
      }
    } finally {
      punch.close();
    }
    return { freedBytes, parentCount: chain.length - 1 };
  });
}

class HolePunch {
  private readonly host: Host;
  private readonly chain: readonly ParentedStore[];
  private readonly fds = new Map<string, number>();

  constructor(host: Host, chain: readonly ParentedStore[]) {
    this.host = host;
    this.chain = chain;
  }

  /** Everything that one pagemap supersedes; how many bytes that was. */
  images(kind: PagemapKind, id: number): number {
    let freed = 0;
    const mode = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
    for (const { level, file, offset, length } of supersededPages(this.chain, kind, id)) {
      const path = `${this.chain[level]?.name}/${file}`;
      within({ object: path }, () => {
        this.host.call(fallocate, { fd: this.fdOf(path), mode, offset, len: length });
      });
      freed += length;
    }
    return freed;
  }

  private fdOf(path: string): number {
    let fd = this.fds.get(path);
    if (fd === undefined) {
      const flags = O_RDWR | O_NOFOLLOW | O_CLOEXEC;
      fd = this.host.call(openat, { dirfd: AT_FDCWD, pathname: path, flags, mode: 0 });
      this.fds.set(path, fd);
    }
    return fd;
  }

  close(): void {
    for (const fd of this.fds.values()) this.host.call(close, { fd });
    this.fds.clear();
  }
}

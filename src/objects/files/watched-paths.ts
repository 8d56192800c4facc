/**
 * The name of a file of which only the device, the inode and maybe a file handle are known. Looking must not be seen:
 * whoever watches a directory is told when somebody opens it, but not of stat(2) and O_PATH.
 */
import type { ProcessView } from '../../checkpoint/views.js';
import { decodeKernelDev, encodeDev } from '../../linux/procfs/devices.js';
import { parseFdLink } from '../../linux/procfs/fd-link.js';
import { parseMountinfo } from '../../linux/procfs/mountinfo.js';
import { AT_FDCWD } from '../../linux/syscall.js';
import { close, openat, openByHandleAt } from '../../linux/syscalls/files.js';
import { AT_SYMLINK_NOFOLLOW, O_CLOEXEC, O_DIRECTORY, O_PATH } from '../../linux/uapi/fcntl.js';
import { toNumber, viewOf } from '../../support/bytes.js';
import type { DescriptionView, TreeFiles } from '../kinds.js';
import type { DumpPort } from '../ports.js';

export interface WatchedFile {
  /** The kernel's own number, as fdinfo shows it. */
  sdev: number;
  ino: bigint;
  /** Empty: its file system has none that can be opened. */
  handle: Uint8Array;
  handleType: number;
}

export type FoundPath =
  | { path: string }
  /** What the tree has open of it, if anything. */
  | { deleted: string; open: DescriptionView | undefined }
  | undefined;

const HANDLE_HEAD_BYTES = 8;

export class WatchedPaths {
  private readonly port: DumpPort;
  private readonly tree: TreeFiles;
  private readonly isWatched: (sdev: number, ino: bigint) => boolean;
  private near: string[] | undefined;
  private mounts: Map<number, string[]> | undefined;

  /** `isWatched`: whether opening this file would be noticed. */
  constructor(port: DumpPort, tree: TreeFiles, isWatched: (sdev: number, ino: bigint) => boolean) {
    this.port = port;
    this.tree = tree;
    this.isWatched = isWatched;
  }

  find(file: WatchedFile): FoundPath {
    const mountpoints = this.mountpointsOf(file.sdev);
    const known = [...mountpoints, ...this.nearby()].find((path) => this.leadsTo(path, file));
    if (known !== undefined) return { path: known };
    if (file.handle.length === 0) return undefined;
    for (const mountpoint of mountpoints) {
      const found = this.byHandle(mountpoint, file);
      if (found) return found;
    }
    return undefined;
  }

  private leadsTo(path: string, { sdev, ino }: WatchedFile): boolean {
    const stat = this.port.attemptStat(path, AT_SYMLINK_NOFOLLOW);
    if (typeof stat === 'number' || stat.ino !== ino) return false;
    return toNumber(stat.dev) === encodeDev(decodeKernelDev(sdev));
  }

  private byHandle(mountpoint: string, file: WatchedFile): FoundPath {
    const { port } = this;
    const root = port.attemptStat(mountpoint);
    if (typeof root === 'number' || this.isWatched(file.sdev, root.ino)) return undefined;
    const flags = O_DIRECTORY | O_CLOEXEC;
    const mountFd = port.attempt(openat, { dirfd: AT_FDCWD, pathname: mountpoint, flags, mode: 0 });
    if (mountFd < 0) return undefined;
    const handle = new Uint8Array(HANDLE_HEAD_BYTES + file.handle.length);
    viewOf(handle).setUint32(0, file.handle.length, true);
    viewOf(handle).setInt32(4, file.handleType, true);
    handle.set(file.handle, HANDLE_HEAD_BYTES);
    const fd = port.attempt(openByHandleAt, { mountFd, handle, flags: O_PATH | O_CLOEXEC });
    port.attempt(close, { fd: mountFd });
    if (fd < 0) return undefined;
    const target = port.attemptReadLink(`/proc/self/fd/${fd}`);
    port.attempt(close, { fd });
    if (typeof target === 'number') return undefined;
    if (this.leadsTo(target, file)) return { path: target };
    const link = parseFdLink(target);
    if (link.kind !== 'path' || !link.deleted) return undefined;
    return { deleted: link.path, open: this.openIn(file) };
  }

  private openIn(file: WatchedFile): DescriptionView | undefined {
    const dev = BigInt(encodeDev(decodeKernelDev(file.sdev)));
    const isOpen = ({ stat }: DescriptionView) => stat.ino === file.ino && stat.dev === dev;
    return this.tree.holders.find(({ description }) => isOpen(description))?.description;
  }

  private mountpointsOf(sdev: number): string[] {
    if (!this.mounts) {
      this.mounts = new Map();
      for (const mount of parseMountinfo(this.port.readText('/proc/self/mountinfo'))) {
        const dev = encodeDev(mount);
        this.mounts.set(dev, [...(this.mounts.get(dev) ?? []), mount.mountpoint]);
      }
    }
    return this.mounts.get(encodeDev(decodeKernelDev(sdev))) ?? [];
  }

  /** What the tree has open, where it is, and the directories above. */
  private nearby(): string[] {
    this.near ??= [...new Set([...this.names()].flatMap(withAncestors))];
    return this.near;
  }

  private *names(): Generator<string> {
    const seen = new Set<ProcessView>();
    for (const { process, description } of this.tree.holders) {
      if (description.named) yield description.named.name;
      if (seen.has(process)) continue;
      seen.add(process);
      for (const link of ['cwd', 'root', 'exe']) {
        const target = this.port.attemptReadLink(`/proc/${process.task}/${link}`);
        if (typeof target === 'string') yield target;
      }
    }
  }
}

function withAncestors(path: string): string[] {
  const paths: string[] = [];
  for (let at = path; at.startsWith('/') && at !== '/'; at = at.slice(0, at.lastIndexOf('/'))) {
    paths.push(at);
  }
  return [...paths, '/'];
}

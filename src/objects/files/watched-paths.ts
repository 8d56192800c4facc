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
import { viewOf } from '../../support/bytes.js';
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

const deviceOf = (sdev: number): bigint => BigInt(encodeDev(decodeKernelDev(sdev)));
const keyOf = ({ sdev, ino }: WatchedFile): string => `${deviceOf(sdev)} ${ino}`;

export class WatchedPaths {
  private readonly port: DumpPort;
  private readonly tree: TreeFiles;
  private readonly isWatched: (sdev: number, ino: bigint) => boolean;
  private near: ReadonlyMap<string, string> | undefined;
  private readonly mountFds = new Map<string, number>();
  private mounts: Map<number, string[]> | undefined;

  /** `isWatched`: whether opening this file would be noticed. */
  constructor(port: DumpPort, tree: TreeFiles, isWatched: (sdev: number, ino: bigint) => boolean) {
    this.port = port;
    this.tree = tree;
    this.isWatched = isWatched;
  }

  find(file: WatchedFile): FoundPath {
    const mountpoints = this.mountpointsOf(file.sdev);
    const root = mountpoints.find((path) => this.leadsTo(path, file));
    const known = root ?? this.nearby().get(keyOf(file));
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
    return typeof stat !== 'number' && stat.ino === ino && stat.dev === deviceOf(sdev);
  }

  private byHandle(mountpoint: string, file: WatchedFile): FoundPath {
    const { port } = this;
    const mountFd = this.openMount(mountpoint, file.sdev);
    if (mountFd === undefined) return undefined;
    const handle = new Uint8Array(HANDLE_HEAD_BYTES + file.handle.length);
    viewOf(handle).setUint32(0, file.handle.length, true);
    viewOf(handle).setInt32(4, file.handleType, true);
    handle.set(file.handle, HANDLE_HEAD_BYTES);
    const fd = port.attempt(openByHandleAt, { mountFd, handle, flags: O_PATH | O_CLOEXEC });
    if (fd < 0) return undefined;
    const target = port.attemptReadLink(`/proc/self/fd/${fd}`);
    port.attempt(close, { fd });
    if (typeof target === 'number') return undefined;
    if (this.leadsTo(target, file)) return { path: target };
    const link = parseFdLink(target);
    if (link.kind !== 'path' || !link.deleted) return undefined;
    return { deleted: link.path, open: this.openIn(file) };
  }

  private openIn({ ino, sdev }: WatchedFile): DescriptionView | undefined {
    const dev = deviceOf(sdev);
    const isOpen = ({ stat }: DescriptionView) => stat.ino === ino && stat.dev === dev;
    return this.tree.holders.find(({ description }) => isOpen(description))?.description;
  }

  /** Opened once: undefined where that fails, or would be noticed. */
  private openMount(mountpoint: string, sdev: number): number | undefined {
    const known = this.mountFds.get(mountpoint);
    if (known !== undefined) return known < 0 ? undefined : known;
    const { port } = this;
    const root = port.attemptStat(mountpoint);
    const flags = O_DIRECTORY | O_CLOEXEC;
    const fd =
      typeof root === 'number' || this.isWatched(sdev, root.ino)
        ? -1
        : port.attempt(openat, { dirfd: AT_FDCWD, pathname: mountpoint, flags, mode: 0 });
    if (fd >= 0) port.adopt(fd);
    this.mountFds.set(mountpoint, fd);
    return fd < 0 ? undefined : fd;
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

  /** What the tree has open, where it is, and the directories above: a path by keyOf. */
  private nearby(): ReadonlyMap<string, string> {
    if (this.near) return this.near;
    const near = new Map<string, string>();
    for (const path of new Set([...this.names()].flatMap(withAncestors))) {
      const stat = this.port.attemptStat(path, AT_SYMLINK_NOFOLLOW);
      if (typeof stat === 'number') continue;
      const key = `${stat.dev} ${stat.ino}`;
      if (!near.has(key)) near.set(key, path);
    }
    this.near = near;
    return near;
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

/**
 * Files with a path, as seen in a dump: the name they have, and whether opening it again gives this very file. Names
 * are those of woodfrog's own root directory and mount namespace, as the kernel shows them to us.
 */
import { BUILD_ID_HEAD_BYTES, parseBuildId } from '../../linux/elf/build-id.js';
import { errnoName } from '../../linux/errno.js';
import { encodeDev } from '../../linux/procfs/devices.js';
import { type FdLink, parseFdLink } from '../../linux/procfs/fd-link.js';
import { parseMountinfo } from '../../linux/procfs/mountinfo.js';
import { AT_FDCWD } from '../../linux/syscall.js';
import { close, openat, pread64, statfsCall } from '../../linux/syscalls/files.js';
import {
  AT_SYMLINK_NOFOLLOW,
  O_CLOEXEC,
  O_NOCTTY,
  O_NONBLOCK,
  S_IFDIR,
  S_IFLNK,
  S_IFMT,
  S_IFREG,
  statfs,
} from '../../linux/uapi/fcntl.js';
import { MQUEUE_MAGIC, PROC_SUPER_MAGIC, SECRETMEM_MAGIC } from '../../linux/uapi/magic.js';
import { toNumber } from '../../support/bytes.js';
import { type CheckpointError, gone, unsupported } from '../../support/errors.js';
import type { NamedFile } from '../kinds.js';
import type { DumpPort, FileStat, KernelPort } from '../ports.js';
import { observeGhost, type Remap } from './ghost.js';
import { goneObstacle, type ProcName, parseProcName, procObstacle } from './proc-names.js';

const CLOSE_REMEDY = { remedy: 'close it before the checkpoint' };

/** Made of kernel state: what is read there is not kept by a name, and an open file has state of its own. */
const KERNEL_FILESYSTEMS = new Set([
  'autofs',
  'binfmt_misc',
  'bpf',
  'cgroup',
  'cgroup2',
  'configfs',
  'debugfs',
  'devpts',
  'efivarfs',
  'fusectl',
  'hugetlbfs',
  'mqueue',
  'nfsd',
  'nsfs',
  'pstore',
  'resctrl',
  'rpc_pipefs',
  'securityfs',
  'selinuxfs',
  'smackfs',
  'sysfs',
  'tracefs',
]);
/** Their directories may come and go with tasks. */
const NO_DIRECTORIES_OF = new Set(['autofs', 'nsfs', 'mqueue', 'bpf']);

export const isSameFile = (a: FileStat, b: FileStat): boolean => a.dev === b.dev && a.ino === b.ino;

/** Answers what opening a name again would give; remembers the mounts, which are read once. */
export class Namer {
  private readonly port: DumpPort;
  private readonly remaps = new Map<string, Remap>();
  private readonly inside: ReadonlySet<number>;
  private fstypes: Map<number, string> | undefined;

  /** `inside`: the pids of the tree. */
  constructor(port: DumpPort, inside: ReadonlySet<number>) {
    this.port = port;
    this.inside = inside;
  }

  /** The file that a link of /proc leads to ('/proc/12/exe'). */
  observe(path: string): NamedFile {
    const target = this.port.readLink(path);
    const stat = this.port.attemptStat(path);
    if (typeof stat === 'number') throw gone(`stat of '${path}': ${errnoName(-stat)}`);
    return this.name(target, parseFdLink(target), { stat, via: path });
  }

  /** `via` is a path that leads to the file whatever its name says: /proc/12/fd/3. */
  name(target: string, link: FdLink, { stat, via }: { stat: FileStat; via: string }): NamedFile {
    const flags = toType(stat) === S_IFLNK ? AT_SYMLINK_NOFOLLOW : 0;
    const found = target.startsWith('/') ? this.port.attemptStat(target, flags) : undefined;
    if (typeof found === 'object' && isSameFile(found, stat)) {
      const obstacle = this.kernelFile(target, stat);
      return { name: target, stat, ...(obstacle && { obstacle }) };
    }
    const name = link.kind === 'path' || link.kind === 'unreachable' ? link.path : target;
    const place = { name, target, link, stat, via };
    const obstacle = this.obstacle(place, found);
    return obstacle ? { name, stat, obstacle } : { name, stat, remap: this.remapOf(place) };
  }

  /** What stands for a file whose name is gone. */
  private remapOf({ name, stat, via }: Place): Remap {
    const task = this.taskThatIsGone({ name, via });
    if (task) return { kind: 'gone', key: `gone ${task.pid}`, pid: task.pid };
    const isLinked = stat.nlink > 0n && toType(stat) !== S_IFDIR;
    const key = `${isLinked ? 'link' : 'ghost'} ${stat.dev}:${stat.ino}`;
    let remap = this.remaps.get(key);
    if (!remap) {
      remap = isLinked ? { kind: 'link', key, via } : observeGhost(this.port, key, via);
      this.remaps.set(key, remap);
    }
    return remap;
  }

  /** A mapped file: `link` is its link in /proc/PID/map_files. */
  mapped(mapped: {
    path: string;
    deleted: boolean;
    via: string;
    executable: boolean;
    device: { major: number; minor: number };
    inode: bigint;
  }): NamedFile | undefined {
    const { path, deleted, via, executable } = mapped;
    // Without CAP_CHECKPOINT_RESTORE in the initial user namespace, map_files cannot be followed.
    const open = this.port.attemptStat(via);
    const target = deleted ? `${path} (deleted)` : path;
    const stat = typeof open === 'object' ? open : this.statByNumber(target, mapped);
    if (stat === undefined) return undefined;
    const named = this.name(target, parseFdLink(target), { stat, via });
    const isAsked = executable && this.port.options.fileValidation === 'buildid';
    // Of a file whose name is gone, the name leads to another.
    if (!isAsked || named.obstacle || named.remap) return named;
    const buildId = readBuildId(this.port, named.name);
    return buildId ? { ...named, buildId } : named;
  }

  private taskThatIsGone({ name, via }: Pick<Place, 'name' | 'via'>): ProcName | undefined {
    const task = parseProcName(name);
    return task && this.magicOf(via) === PROC_SUPER_MAGIC ? task : undefined;
  }

  private statByNumber(
    path: string,
    { device, inode }: { device: { major: number; minor: number }; inode: bigint },
  ): FileStat | undefined {
    const found = this.port.attemptStat(path);
    if (typeof found === 'number' || found.ino !== inode) return undefined;
    return toNumber(found.dev) === encodeDev(device) ? found : undefined;
  }

  private kernelFile(name: string, stat: FileStat): CheckpointError | undefined {
    const fstype = this.fstypeOf(stat);
    if (fstype === 'proc' && name.startsWith('/proc/')) return procObstacle(name, this.inside);
    if (fstype === undefined || !KERNEL_FILESYSTEMS.has(fstype)) return undefined;
    if (fstype === 'mqueue') return messageQueue(name);
    const isDirectory = toType(stat) === S_IFDIR;
    if (isDirectory && !NO_DIRECTORIES_OF.has(fstype)) return undefined;
    // A device node may lie anywhere: its number decides.
    if (!isDirectory && toType(stat) !== S_IFREG) return undefined;
    return unsupported(
      `'${name}' is on a file system of type ${fstype}: open files of the kernel's own file systems are not saved yet`,
      CLOSE_REMEDY,
    );
  }

  private fstypeOf(stat: FileStat): string | undefined {
    this.fstypes ??= new Map(
      parseMountinfo(this.port.readText('/proc/self/mountinfo')).map(
        ({ major, minor, fstype }) => [encodeDev({ major, minor }), fstype] as const,
      ),
    );
    return this.fstypes.get(toNumber(stat.dev));
  }

  private obstacle(
    { name, target, link, stat, via }: Place,
    found: FileStat | number | undefined,
  ): CheckpointError | undefined {
    const magic = this.magicOf(via);
    if (magic === SECRETMEM_MAGIC) {
      return unsupported('it is secret memory (memfd_secret), which nobody else can read');
    }
    if (magic === MQUEUE_MAGIC) return messageQueue(name);
    const task = magic === PROC_SUPER_MAGIC ? parseProcName(name) : undefined;
    if (task) return goneObstacle(name, task, this.inside);
    if (link.kind === 'memfd') {
      return unsupported(
        `it is a memfd ('${link.name}'), which a restore cannot find by a name`,
        CLOSE_REMEDY,
      );
    }
    if (toType(stat) === S_IFLNK) {
      return unsupported(`the symbolic link '${name}' is deleted`, CLOSE_REMEDY);
    }
    if (link.kind === 'path' && link.deleted) return this.kernelFile(name, stat) ?? noFile(name);
    if (link.kind === 'unreachable' || link.kind === 'unknown' || found === undefined) {
      return unsupported(`'${target}' is on a mount that has no path here: detached, or foreign`, {
        remedy: "run woodfrog in the program's own mount namespace and root directory",
      });
    }
    if (typeof found === 'number') {
      return unsupported(
        `'${name}' does not lead to it (${errnoName(-found)}): its mount is detached or hidden`,
        CLOSE_REMEDY,
      );
    }
    return unsupported(
      `'${name}' is another file now: it was replaced, or another file system is mounted over it`,
      CLOSE_REMEDY,
    );
  }

  private magicOf(path: string): bigint | undefined {
    using scope = this.port.scope();
    const buf = scope.alloc(statfs.size);
    if (this.port.attempt(statfsCall, { path, buf }) < 0) return undefined;
    return statfs.decode(buf.bytes).f_type;
  }
}

interface Place {
  name: string;
  target: string;
  link: FdLink;
  stat: FileStat;
  via: string;
}

export const toType = ({ mode }: FileStat): number => mode & S_IFMT;

const messageQueue = (name: string): CheckpointError =>
  unsupported(`it is the POSIX message queue (mqueue) '${name}', which is not saved yet`, {
    remedy: 'close the message queue before the checkpoint',
  });

/** Objects of the kernel that show as deleted files, and never had a name. */
const NAMELESS = ['/dev/zero', '/SYSV', '/[aio]', '/anon_hugepage', '/dmabuf', '/i915'];

const noFile = (name: string): CheckpointError | undefined =>
  NAMELESS.some((prefix) => name.startsWith(prefix))
    ? unsupported(`'${name}' is memory, and no file of a file system`, CLOSE_REMEDY)
    : undefined;

/** The build-id of an ELF file, read from its beginning; undefined for other files, or when it cannot be read. */
export function readBuildId(port: KernelPort, pathname: string): number[] | undefined {
  const flags = O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
  const fd = port.attempt(openat, { dirfd: AT_FDCWD, pathname, flags, mode: 0 });
  if (fd < 0) return undefined;
  using scope = port.scope();
  const buf = scope.alloc(BUILD_ID_HEAD_BYTES);
  const count = port.attempt(pread64, { fd, buf, count: buf.length, offset: 0 });
  port.attempt(close, { fd });
  return count > 0 ? parseBuildId(buf.bytes.subarray(0, count)) : undefined;
}

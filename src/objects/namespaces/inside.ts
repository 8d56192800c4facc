/**
 * Which namespaces a thread is in: all must be woodfrog's own, but for the time namespace, in which a restored tree
 * lives by itself. namespaces(7). A tree in others is refused until they are saved.
 */
import { ENOENT, errnoName } from '../../linux/errno.js';
import {
  asNamespaceLink,
  NAMESPACE_TYPES,
  type NamespaceType,
} from '../../linux/procfs/ns-link.js';
import { type CheckpointError, refused, unsupported } from '../../support/errors.js';
import { defineTaskState } from '../kinds.js';
import type { KernelPort } from '../ports.js';

export type NamespaceInodes = ReadonlyMap<NamespaceType, bigint>;

const NAMES: Readonly<Record<NamespaceType, string>> = {
  cgroup: 'cgroup',
  ipc: 'IPC (ipc)',
  mnt: 'mount (mnt)',
  net: 'network (net)',
  pid: 'pid',
  time: 'time',
  user: 'user',
  uts: 'UTS (uts)',
};

interface Seen {
  own: NamespaceInodes;
  inside: NamespaceInodes;
  /** Where its children would be, which is shown for pid namespaces apart. */
  pidForChildren: bigint | undefined;
}

/** `folder`: '/proc/12' or '/proc/12/task/13'. A type that this kernel does not have is left out. */
export function readNamespaces(
  port: KernelPort,
  folder: string,
  types: readonly NamespaceType[] = NAMESPACE_TYPES,
): NamespaceInodes {
  const found = new Map<NamespaceType, bigint>();
  for (const type of types) {
    const inode = inodeOf(port, `${folder}/ns/${type}`);
    if (inode !== undefined) found.set(type, inode);
  }
  return found;
}

function inodeOf(port: KernelPort, path: string): bigint | undefined {
  const target = port.attemptReadLink(path);
  // A kernel without this kind of namespace; or no process has been in the one for children yet.
  if (target === -ENOENT) return undefined;
  if (typeof target !== 'number') return asNamespaceLink(target)?.inode;
  const errno = errnoName(-target);
  throw refused(`readlink of '${path}': ${errno}`, { syscall: 'readlinkat', errno });
}

/**
 * A thread can leave its process only in these: for a user namespace it must be alone, and for a mount namespace it
 * needs directories of its own, which are refused as such. setns(2), unshare(2).
 */
const OF_THREADS: readonly NamespaceType[] = ['cgroup', 'ipc', 'net', 'uts'];

export const namespaces = defineTaskState<Seen>({
  name: 'namespaces',
  scope: 'thread',
  observe(port, { process, thread, isLeader }) {
    const folder = `/proc/${process.pid}/task/${thread.tid}`;
    return {
      own: port.own.namespaces,
      inside: readNamespaces(port, folder, isLeader ? NAMESPACE_TYPES : OF_THREADS),
      pidForChildren: inodeOf(port, `${folder}/ns/pid_for_children`),
    };
  },
  inspect({ seen: { own, inside, pidForChildren } }) {
    for (const [type, inode] of inside) {
      if (type !== 'time' && inode !== own.get(type)) throw elsewhere(type);
    }
    // The link is empty after unshare(CLONE_NEWPID), until the first child.
    if (pidForChildren !== own.get('pid')) {
      throw unsupported("its children would be in another pid namespace than woodfrog's", {
        remedy: 'checkpoint the program without unshare(CLONE_NEWPID)',
      });
    }
    return {};
  },
});

const elsewhere = (type: NamespaceType): CheckpointError =>
  unsupported(`its ${NAMES[type]} namespace is not woodfrog's: namespaces are not saved yet`, {
    remedy: 'run woodfrog in the same namespaces: nsenter --all --target PID woodfrog ...',
  });

/** All processes of a tree must be in one time namespace. `inside`: of each, from `readNamespaces`. */
export function verifyOneTimeNamespace(
  processes: readonly { pid: number; comm: string; inside: NamespaceInodes }[],
): void {
  const [root, ...others] = processes;
  const other = others.find(({ inside }) => inside.get('time') !== root?.inside.get('time'));
  if (root === undefined || other === undefined) return;
  throw unsupported(
    `its time namespace is not that of pid ${root.pid} (${root.comm}): one tree, one time namespace`,
    { object: 'namespaces', pid: other.pid, comm: other.comm },
  );
}

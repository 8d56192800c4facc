/** What this kernel offers for files of kinds that not every program has. */
import { EFAULT, EINVAL, ENOENT } from '../linux/errno.js';
import { parseMaps } from '../linux/procfs/maps.js';
import { ioDestroy, ioSetup } from '../linux/syscalls/aio.js';
import { timerfdCreate } from '../linux/syscalls/events.js';
import { close, flock, ioctl, memfdCreate } from '../linux/syscalls/files.js';
import { mmap, mremap, munmap } from '../linux/syscalls/memory.js';
import { getpid, kcmp } from '../linux/syscalls/tasks.js';
import { TFD_IOC_SET_TICKS } from '../linux/uapi/events.js';
import { LOCK_EX, O_CLOEXEC } from '../linux/uapi/fcntl.js';
import {
  MAP_ANONYMOUS,
  MAP_PRIVATE,
  MFD_CLOEXEC,
  MFD_HUGETLB,
  MREMAP_FIXED,
  MREMAP_MAYMOVE,
  PROT_NONE,
} from '../linux/uapi/mman.js';
import { CLOCK_MONOTONIC, KCMP_EPOLL_TFD } from '../linux/uapi/sched.js';
import { getU64, u64Bytes, viewOf } from '../support/bytes.js';
import { readText } from './files.js';
import type { Host } from './host.js';
import { atLeast, judged, type Missing, type Probing } from './probing.js';

/** Expirations that have not been read are set by an ioctl that CONFIG_CHECKPOINT_RESTORE brings. */
export function probeTimerfd({ host }: Probing): Missing | undefined {
  const fd = host.attempt(timerfdCreate, { clockid: CLOCK_MONOTONIC, flags: O_CLOEXEC });
  if (fd < 0) return judged('timerfd_create', fd, { since: '2.6.25' });
  const result = host.attempt(ioctl, { fd, request: TFD_IOC_SET_TICKS, argp: u64Bytes(1) });
  host.attempt(close, { fd });
  return judged('ioctl(TFD_IOC_SET_TICKS)', result, { since: '3.17' });
}

/** The slot is read only by a kernel that knows the type. */
export function probeEpollTargets({ host }: Probing): Missing | undefined {
  const pid = host.call(getpid, {});
  const args = { pid1: pid, pid2: pid, type: KCMP_EPOLL_TFD, idx1: 0, idx2: 0 };
  return judged('kcmp(KCMP_EPOLL_TFD)', host.attempt(kcmp, args), {
    known: [EFAULT],
    since: '4.13',
  });
}

export function probeLocks({ host }: Probing): Missing | undefined {
  const fd = host.attempt(memfdCreate, { name: 'woodfrog-check', flags: MFD_CLOEXEC });
  if (fd < 0) return judged('memfd_create', fd, { since: '3.17' });
  const locked = host.attempt(flock, { fd, operation: LOCK_EX });
  const fdinfo = readText(host, `/proc/self/fdinfo/${fd}`);
  host.attempt(close, { fd });
  if (locked < 0) return judged('flock', locked, { since: '2.0' });
  if (/^lock:/m.test(fdinfo)) return undefined;
  return { missing: '/proc/self/fdinfo says nothing of locks', remedy: atLeast('4.1') };
}

/** Linux 4.14. EINVAL: a kernel without CONFIG_HUGETLBFS; ENOENT: without pages of the default size. */
export function probeHugeMemfd({ host }: Probing): Missing | undefined {
  const flags = MFD_CLOEXEC | MFD_HUGETLB;
  const fd = host.attempt(memfdCreate, { name: 'woodfrog-check', flags });
  if (fd >= 0) host.attempt(close, { fd });
  if (fd !== -EINVAL && fd !== -ENOENT) {
    return judged('memfd_create(MFD_HUGETLB)', fd, { since: '4.14' });
  }
  return { missing: 'no huge pages for memfds', remedy: 'use a kernel with CONFIG_HUGETLBFS' };
}

/** Linux 3.19: a context is found where its ring has been moved to. */
export function probeAioRemap({ host }: Probing): Missing | undefined {
  using scope = host.scope();
  const ctx_idp = scope.alloc(8);
  const made = host.attempt(ioSetup, { nr_events: 1, ctx_idp });
  if (made < 0) return judged('io_setup', made, { since: '2.6' });
  const ring = getU64(viewOf(ctx_idp.bytes), 0);
  const moved = moveAway(host, ring);
  if (moved < 0) {
    host.attempt(ioDestroy, { ctx_id: ring });
    return judged('mremap of an AIO ring', moved, { since: '3.19' });
  }
  return judged('io_destroy of a moved AIO ring', host.attempt(ioDestroy, { ctx_id: moved }), {
    since: '3.19',
  });
}

/** Where the mapping is then, or -errno. */
function moveAway(host: Host, start: number): number {
  const mapping = parseMaps(readText(host, '/proc/self/maps')).find((one) => one.start === start);
  if (mapping === undefined) return -ENOENT;
  const length = mapping.end - mapping.start;
  const flags = MAP_PRIVATE | MAP_ANONYMOUS;
  const place = host.attempt(mmap, { addr: 0, length, prot: PROT_NONE, flags, fd: -1, offset: 0 });
  if (place < 0) return place;
  const moved = host.attempt(mremap, {
    ...{ old_address: start, old_size: length, new_size: length },
    ...{ flags: MREMAP_MAYMOVE | MREMAP_FIXED, new_address: place },
  });
  if (moved < 0) host.attempt(munmap, { addr: place, length });
  return moved;
}

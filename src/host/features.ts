/**
 * What this kernel offers to this user: a probe for each feature that woodfrog uses. Probes are cheap and leave nothing
 * behind: calls on ourselves, with arguments that the kernel refuses after it has said what it knows, or on a puppet.
 */
import {
  CAP_CHECKPOINT_RESTORE,
  CAP_SETGID,
  CAP_SETPCAP,
  CAP_SETUID,
  CAP_SYS_ADMIN,
  CAP_SYS_PTRACE,
  CAP_SYS_RESOURCE,
  capabilityName,
  hasCapability,
} from '../linux/capability.js';
import { E2BIG, EBADF, EEXIST, EFAULT, EINVAL, ENOSYS, EPERM, errnoName } from '../linux/errno.js';
import type { FeatureName } from '../linux/features.js';
import { parseMaps } from '../linux/procfs/maps.js';
import { parseStatus } from '../linux/procfs/status.js';
import { AT_FDCWD, data, fdParam, path, syscall, uint } from '../linux/syscall.js';
import { close, openat } from '../linux/syscalls/files.js';
import { pagemapScan } from '../linux/syscalls/memory.js';
import {
  archPrctl,
  clone3,
  getpid,
  kcmp,
  pidfdGetfd,
  pidfdOpen,
  prctl,
  prctlMm,
  ptrace,
} from '../linux/syscalls/tasks.js';
import { O_CLOEXEC, O_RDONLY } from '../linux/uapi/fcntl.js';
import { PAGE_IS_GUARD, PAGE_IS_PRESENT, PAGEMAP_SCAN, pm_scan_arg } from '../linux/uapi/mman.js';
import {
  ARCH_MAP_VDSO_32,
  ARCH_MAP_VDSO_64,
  PR_SET_MM,
  PR_SET_MM_MAP_SIZE,
  PR_TIMER_CREATE_RESTORE_IDS,
  PR_TIMER_CREATE_RESTORE_IDS_GET,
} from '../linux/uapi/prctl.js';
import {
  PTRACE_GET_RSEQ_CONFIGURATION,
  PTRACE_O_EXITKILL,
  PTRACE_O_SUSPEND_SECCOMP,
  ptrace_rseq_configuration,
} from '../linux/uapi/ptrace.js';
import { clone_args, KCMP_VM } from '../linux/uapi/sched.js';
import { attemptReadText, readText } from './files.js';
import type { Host } from './host.js';
import { attemptReadMemory } from './process-memory.js';
import { attemptSeccompFilter, attemptSetOptions } from './ptrace.js';

/** What a probe may use. */
export interface Probing {
  readonly host: Host;
  /** A stopped child of ours that runs nothing; or why there is none. */
  readonly puppet:
    | { readonly pid: number; readonly address: number }
    | { readonly failure: string };
}

/** What is missing, and what to do about it; undefined: nothing. */
export interface Missing {
  readonly missing: string;
  readonly remedy?: string;
}

export interface Feature {
  /** 1: every dump and restore needs it. 2: some programs do. 3: woodfrog can do without. */
  readonly category: 1 | 2 | 3;
  readonly neededFor: string;
  probe(probing: Probing): Missing | undefined;
}

const SUPERUSER = 'run woodfrog as root (sudo), in a container with the capability';
const atLeast = (version: string): string => `Linux ${version} or newer is needed`;

/** A result as what is missing: 0 or more, and the errnos that `known` names, mean that the feature is there. */
function judged(
  call: string,
  result: number,
  { known = [], since }: { known?: readonly number[]; since: string },
): Missing | undefined {
  if (result >= 0 || known.includes(-result)) return undefined;
  const remedy = result === -EPERM ? SUPERUSER : atLeast(since);
  return { missing: `${call}: ${errnoName(-result)}`, remedy };
}

/** CAP_SYS_ADMIN makes time namespaces, and takes what credentials and filters forbid others. */
const EVERY_TIME = [CAP_SETGID, CAP_SETUID, CAP_SETPCAP, CAP_SYS_PTRACE, CAP_SYS_ADMIN];

const probeCapabilities =
  (wanted: readonly number[]) =>
  ({ host }: Probing): Missing | undefined => {
    const { CapEff } = parseStatus(readText(host, '/proc/self/status'));
    const lacking = wanted.filter((capability) => !hasCapability(CapEff, capability));
    if (lacking.length === 0) return undefined;
    return { missing: `no ${lacking.map(capabilityName).join(', ')}`, remedy: SUPERUSER };
  };

function probePtrace({ puppet }: Probing): Missing | undefined {
  if (!('failure' in puppet)) return undefined;
  return {
    missing: puppet.failure,
    remedy:
      'see what forbids ptrace(2): kernel.yama.ptrace_scope, a seccomp filter, a security module',
  };
}

/** vm.memfd_noexec, Linux 6.3: at 2, no memfd can be run. */
function probeMemfdExec({ host }: Probing): Missing | undefined {
  const setting = attemptReadText(host, '/proc/sys/vm/memfd_noexec');
  if (typeof setting === 'number' || setting.trim() !== '2') return undefined;
  return { missing: 'vm.memfd_noexec is 2', remedy: "try 'sysctl -w vm.memfd_noexec=1'" };
}

function probePidfdGetfd({ host, puppet }: Probing): Missing | undefined {
  const pid = 'failure' in puppet ? host.call(getpid, {}) : puppet.pid;
  const pidfd = host.attempt(pidfdOpen, { pid, flags: 0 });
  if (pidfd < 0) return judged('pidfd_open', pidfd, { since: '5.3' });
  const taken = host.attempt(pidfdGetfd, { pidfd, targetfd: 0, flags: 0 });
  if (taken >= 0) host.attempt(close, { fd: taken });
  host.attempt(close, { fd: pidfd });
  // EBADF: it has no descriptor 0, and we could have had it.
  return judged('pidfd_getfd', taken, { known: [EBADF], since: '5.6' });
}

function probeKcmp({ host }: Probing): Missing | undefined {
  const pid = host.call(getpid, {});
  const result = host.attempt(kcmp, { pid1: pid, pid2: pid, type: KCMP_VM, idx1: 0, idx2: 0 });
  if (result !== -ENOSYS) return judged('kcmp', result, { since: '3.5' });
  return { missing: 'kcmp: ENOSYS', remedy: 'use a kernel built with CONFIG_KCMP' };
}

/** Linux 5.9: the links need CAP_CHECKPOINT_RESTORE, before that CAP_SYS_ADMIN. */
function probeMapFiles({ host }: Probing): Missing | undefined {
  const mapping = parseMaps(readText(host, '/proc/self/maps')).find(({ inode }) => inode !== 0n);
  if (!mapping) return { missing: 'no file is mapped here to look at' };
  const range = `${mapping.start.toString(16)}-${mapping.end.toString(16)}`;
  const pathname = `/proc/self/map_files/${range}`;
  const flags = O_RDONLY | O_CLOEXEC;
  const fd = host.attempt(openat, { dirfd: AT_FDCWD, pathname, flags, mode: 0 });
  if (fd >= 0) host.attempt(close, { fd });
  return judged('opening a link in /proc/self/map_files', fd, { since: '4.3' });
}

function probeReadMemory({ host, puppet }: Probing): Missing | undefined {
  if ('failure' in puppet) return { missing: puppet.failure };
  const bytes = attemptReadMemory(host, puppet.pid, puppet.address, 8);
  return judged('process_vm_readv', typeof bytes === 'number' ? bytes : 0, { since: '3.2' });
}

function probeMmMap({ host }: Probing): Missing | undefined {
  using scope = host.scope();
  const size = scope.alloc(4).address;
  const args = { option: PR_SET_MM, arg2: PR_SET_MM_MAP_SIZE, arg3: size, arg4: 0, arg5: 0 };
  const result = host.attempt(prctlMm, args);
  if (result !== -EINVAL) return judged('PR_SET_MM_MAP_SIZE', result, { since: '3.18' });
  const remedy = 'use a kernel built with CONFIG_CHECKPOINT_RESTORE';
  return { missing: 'prctl(PR_SET_MM, PR_SET_MM_MAP_SIZE): EINVAL', remedy };
}

/**
 * Never makes a child: the kernel reads the pid from an address where nothing is, EFAULT. One that knows no set_tid
 * says E2BIG, as the struct goes on behind what it knows. Who may use it is checked later: so look at capabilities.
 */
function probeSetTid({ host }: Probing): Missing | undefined {
  using scope = host.scope();
  const cl_args = scope.store(clone_args.encode({ set_tid: 8, set_tid_size: 1 }));
  const result = host.attempt(clone3, { cl_args, size: clone_args.size });
  if (result !== -EFAULT) {
    const name = result === -E2BIG ? 'clone3 with set_tid' : 'clone3';
    return judged(name, result, { since: '5.5' });
  }
  const { CapEff } = parseStatus(readText(host, '/proc/self/status'));
  const allowed = [CAP_CHECKPOINT_RESTORE, CAP_SYS_ADMIN].some((one) => hasCapability(CapEff, one));
  if (allowed) return undefined;
  return { missing: 'no CAP_CHECKPOINT_RESTORE to choose pids with', remedy: SUPERUSER };
}

function probeTimens({ host }: Probing): Missing | undefined {
  const offsets = attemptReadText(host, '/proc/self/timens_offsets');
  if (typeof offsets !== 'number') return undefined;
  return {
    missing: '/proc/self/timens_offsets is not there',
    remedy: 'use Linux 5.6 or newer, built with CONFIG_TIME_NS',
  };
}

/** An empty range: nothing is walked, and unknown categories are refused all the same. */
function scanNothing({ host }: Probing, categories: number): Missing | undefined {
  using scope = host.scope();
  const pathname = '/proc/self/pagemap';
  const flags = O_RDONLY | O_CLOEXEC;
  const fd = host.attempt(openat, { dirfd: AT_FDCWD, pathname, flags, mode: 0 });
  if (fd < 0) return judged(`opening ${pathname}`, fd, { since: '6.7' });
  const arg = scope.alloc(pm_scan_arg.size);
  const mask = BigInt(categories);
  const size = BigInt(pm_scan_arg.size);
  arg.bytes.set(pm_scan_arg.encode({ size, category_anyof_mask: mask, return_mask: mask }));
  const result = host.attempt(pagemapScan, { fd, request: PAGEMAP_SCAN, arg });
  host.attempt(close, { fd });
  const isGuard = (categories & PAGE_IS_GUARD) !== 0;
  return judged('ioctl(PAGEMAP_SCAN)', result, { since: isGuard ? '6.15' : '6.7' });
}

function probeRseq({ host, puppet }: Probing): Missing | undefined {
  if ('failure' in puppet) return { missing: puppet.failure };
  using scope = host.scope();
  const { size } = ptrace_rseq_configuration;
  const { address } = scope.alloc(size);
  const request = PTRACE_GET_RSEQ_CONFIGURATION;
  const result = host.attempt(ptrace, { request, pid: puppet.pid, addr: size, data: address });
  return judged('PTRACE_GET_RSEQ_CONFIGURATION', result, { since: '5.13' });
}

function probeMntId({ host }: Probing): Missing | undefined {
  const fd = host.call(openat, { dirfd: AT_FDCWD, pathname: '/', flags: O_CLOEXEC, mode: 0 });
  const fdinfo = attemptReadText(host, `/proc/self/fdinfo/${fd}`);
  host.attempt(close, { fd });
  if (typeof fdinfo !== 'number' && /^mnt_id:/m.test(fdinfo)) return undefined;
  return { missing: '/proc/self/fdinfo says no mnt_id', remedy: atLeast('3.15') };
}

function probeLoginuid({ host }: Probing): Missing | undefined {
  const loginuid = attemptReadText(host, '/proc/self/loginuid');
  if (typeof loginuid !== 'number') return undefined;
  const remedy = 'use a kernel built with CONFIG_AUDIT, if your programs need it';
  return { missing: '/proc/self/loginuid is not there', remedy };
}

function probeSuspension({ host, puppet }: Probing): Missing | undefined {
  if ('failure' in puppet) return { missing: puppet.failure };
  const options = PTRACE_O_EXITKILL | PTRACE_O_SUSPEND_SECCOMP;
  const result = attemptSetOptions(host, puppet.pid, options);
  return judged('PTRACE_O_SUSPEND_SECCOMP', result, { since: '4.3' });
}

/** EINVAL: it has none to show. EACCES: nor would it be shown to us. */
function probeFilters({ host, puppet }: Probing): Missing | undefined {
  if ('failure' in puppet) return { missing: puppet.failure };
  const filter = attemptSeccompFilter(host, puppet.pid, 0);
  const result = typeof filter === 'number' ? filter : 0;
  return judged('PTRACE_SECCOMP_GET_FILTER', result, { known: [EINVAL], since: '4.4' });
}

function probeTimerIds({ host }: Probing): Missing | undefined {
  const result = host.attempt(prctl, {
    ...{ option: PR_TIMER_CREATE_RESTORE_IDS, arg2: PR_TIMER_CREATE_RESTORE_IDS_GET },
    ...{ arg3: 0, arg4: 0, arg5: 0 },
  });
  return judged('PR_TIMER_CREATE_RESTORE_IDS', result, { since: '6.15' });
}

/** A process has one vdso: EEXIST says that the request is known. */
function probeMapVdso({ host }: Probing): Missing | undefined {
  const result = host.attempt(archPrctl, { code: ARCH_MAP_VDSO_64, addr: 0 });
  return judged('ARCH_MAP_VDSO_64', result, { known: [EEXIST], since: '4.8' });
}

/** EINVAL: no 32-bit code is run here, or not saved. */
function probeCompat({ host }: Probing): Missing | undefined {
  const result = host.attempt(archPrctl, { code: ARCH_MAP_VDSO_32, addr: 0 });
  if (result !== -EINVAL)
    return judged('ARCH_MAP_VDSO_32', result, { known: [EEXIST], since: '4.8' });
  const missing = 'ARCH_MAP_VDSO_32: EINVAL';
  return {
    missing,
    remedy:
      'use a kernel built with CONFIG_IA32_EMULATION, that was not started with ia32_emulation=off',
  };
}

const openat2 = syscall('openat2', { dirfd: fdParam, pathname: path, how: data, size: uint }, 'fd');

/** A struct of no bytes: EINVAL. */
function probeOpenat2({ host }: Probing): Missing | undefined {
  const result = host.attempt(openat2, { dirfd: AT_FDCWD, pathname: '/', how: 0, size: 0 });
  return judged('openat2', result, { known: [EINVAL], since: '5.6' });
}

/** Every feature that can be probed; the others of criu(8) belong to what woodfrog does not have yet. */
export const FEATURES: Readonly<Partial<Record<FeatureName, Feature>>> = {
  privileges: {
    category: 1,
    neededFor: 'every dump and restore',
    probe: probeCapabilities(EVERY_TIME),
  },
  raise_limits: {
    category: 2,
    neededFor: 'limits above our own and pipes above 1 MiB',
    probe: probeCapabilities([CAP_SYS_RESOURCE]),
  },
  ptrace: { category: 1, neededFor: 'every dump and restore', probe: probePtrace },
  memfd_exec: { category: 1, neededFor: 'every restore', probe: probeMemfdExec },
  pidfd_getfd: { category: 1, neededFor: 'open files', probe: probePidfdGetfd },
  kcmp: { category: 1, neededFor: 'what tasks share', probe: probeKcmp },
  map_files: { category: 1, neededFor: 'mapped files and shared memory', probe: probeMapFiles },
  process_vm_readv: { category: 1, neededFor: 'memory', probe: probeReadMemory },
  prctl_mm_map: { category: 1, neededFor: 'the layout of memory', probe: probeMmMap },
  clone3_set_tid: { category: 1, neededFor: 'pids', probe: probeSetTid },
  timens: { category: 1, neededFor: 'clocks that do not jump', probe: probeTimens },
  pagemap_scan: {
    category: 1,
    neededFor: 'finding the pages that hold something',
    probe: (probing) => scanNothing(probing, PAGE_IS_PRESENT),
  },
  get_rseq_conf: { category: 1, neededFor: 'restartable sequences', probe: probeRseq },
  mnt_id: { category: 1, neededFor: 'open files', probe: probeMntId },
  loginuid: { category: 2, neededFor: 'the login user', probe: probeLoginuid },
  pagemap_scan_guard_pages: {
    category: 2,
    neededFor: 'guard pages (MADV_GUARD_INSTALL)',
    probe: (probing) => scanNothing(probing, PAGE_IS_GUARD),
  },
  seccomp_suspend: {
    category: 2,
    neededFor: 'programs with seccomp',
    probe: probeSuspension,
  },
  seccomp_filters: {
    category: 2,
    neededFor: 'programs with seccomp filters',
    probe: probeFilters,
  },
  timer_cr_ids: {
    category: 3,
    neededFor: 'POSIX timers whose ids have large gaps',
    probe: probeTimerIds,
  },
  compat_cr: { category: 2, neededFor: '32-bit programs', probe: probeCompat },
  can_map_vdso: { category: 2, neededFor: '32-bit programs', probe: probeMapVdso },
  openat2: { category: 3, neededFor: 'nothing yet', probe: probeOpenat2 },
};

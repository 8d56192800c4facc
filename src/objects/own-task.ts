/**
 * Facts of woodfrog's own task, each read when first asked for and then kept. A puppet is born with them, so they say
 * what a restore must change; a dump compares with them to see what is out of the ordinary.
 */

import { EINVAL, ENOENT, errnoName } from '../linux/errno.js';
import type { Limit } from '../linux/procfs/limits.js';
import { parseLimits } from '../linux/procfs/limits.js';
import {
  NAMESPACE_TYPES,
  type NamespaceType,
  parseNamespaceLink,
} from '../linux/procfs/ns-link.js';
import { parseStatus, type Status } from '../linux/procfs/status.js';
import type { StructValue } from '../linux/struct.js';
import {
  gettid,
  ioprioGet,
  prctl,
  schedGetaffinity,
  schedGetattr,
} from '../linux/syscalls/tasks.js';
import {
  PR_GET_SECUREBITS,
  PR_GET_TIMERSLACK,
  SECBIT_KEEP_CAPS,
  SECBIT_NOROOT,
} from '../linux/uapi/prctl.js';
import { IOPRIO_WHO_PROCESS, sched_attr } from '../linux/uapi/sched.js';
import { refused } from '../support/errors.js';
import type { KernelPort } from './ports.js';

export type SchedAttr = StructValue<typeof sched_attr>;

/** The five sets, and what decides over them. */
export interface Capabilities {
  inheritable: bigint;
  permitted: bigint;
  effective: bigint;
  bounding: bigint;
  ambient: bigint;
  securebits: number;
}

/** Bytes of the longest affinity mask a kernel has (CONFIG_NR_CPUS 8192). */
export const CPU_MASK_SIZE = 1024;

export class OwnTask {
  readonly #port: KernelPort;
  readonly #known = new Map<string, unknown>();

  constructor(port: KernelPort) {
    this.#port = port;
  }

  #once<T>(key: string, read: () => T): T {
    if (!this.#known.has(key)) this.#known.set(key, read());
    return this.#known.get(key) as T;
  }

  /** Of the thread that asks: it is the tracer, and the parent of puppets. */
  get tid(): number {
    return this.#once('tid', () => this.#port.call(gettid, {}));
  }

  get status(): Status {
    return this.#once('status', () => parseStatus(this.#port.readText('/proc/thread-self/status')));
  }

  /** At the index of their RLIMIT_ number. */
  get limits(): Limit[] {
    return this.#once('limits', () => parseLimits(this.#port.readText('/proc/self/limits')));
  }

  #prctl(option: number): number {
    return this.#port.call(prctl, { option, arg2: 0, arg3: 0, arg4: 0, arg5: 0 });
  }

  get securebits(): number {
    return this.#once('securebits', () => this.#prctl(PR_GET_SECUREBITS));
  }

  /** In nanoseconds. */
  get timerSlackNs(): number {
    return this.#once('timer slack', () => this.#prctl(PR_GET_TIMERSLACK));
  }

  get sched(): SchedAttr {
    return this.#once('sched', () => readSched(this.#port, 0));
  }

  get ioprio(): number {
    return this.#once('ioprio', () =>
      this.#port.call(ioprioGet, { which: IOPRIO_WHO_PROCESS, who: 0 }),
    );
  }

  /** CPUs it may run on. */
  get affinity(): number[] {
    return this.#once('affinity', () => readAffinity(this.#port, 0));
  }

  get onlineCpus(): number[] {
    return this.#once('online', () =>
      parseCpuList(this.#port.readText('/sys/devices/system/cpu/online')),
    );
  }

  /** undefined on a kernel without audit. */
  get loginuid(): number | undefined {
    return this.#once('loginuid', () => readNumber(this.#port, '/proc/self/loginuid'));
  }

  get oomScoreAdj(): number {
    return this.#once(
      'oom_score_adj',
      () => readNumber(this.#port, '/proc/self/oom_score_adj') ?? 0,
    );
  }

  /** fs.suid_dumpable: what a process becomes when it changes its credentials. */
  get suidDumpable(): number {
    return this.#once('suid_dumpable', () =>
      Number.parseInt(this.#port.readText('/proc/sys/fs/suid_dumpable'), 10),
    );
  }

  /** The contents of /proc/self/cgroup. */
  get cgroups(): string {
    return this.#once('cgroups', () => this.#port.readText('/proc/thread-self/cgroup'));
  }

  /** LSM label; undefined without one. */
  get label(): string | undefined {
    return this.#once('label', () => {
      // EINVAL: no security module has labels.
      return readOptional(this.#port, '/proc/thread-self/attr/current', EINVAL);
    });
  }

  /** Namespace inodes by type; without those that this kernel does not have. */
  get namespaces(): ReadonlyMap<NamespaceType, bigint> {
    return this.#once('namespaces', () => {
      const found = new Map<NamespaceType, bigint>();
      for (const type of NAMESPACE_TYPES) {
        const target = this.#port.attemptReadLink(`/proc/self/ns/${type}`);
        if (typeof target === 'string') found.set(type, parseNamespaceLink(target).inode);
      }
      return found;
    });
  }

  /** What a puppet has after its execve of a file without capabilities. capabilities(7). */
  get puppetCapabilities(): Capabilities {
    return this.#once('puppet capabilities', () => afterExec(this.status, this.securebits));
  }
}

/** capabilities(7), "Transformation of capabilities during execve", for a file without any. */
export function afterExec(status: Status, securebits: number): Capabilities {
  const [uid, euid] = status.Uid;
  const { CapInh: inheritable, CapBnd: bounding, CapAmb: ambient } = status;
  const isRoot = (securebits & SECBIT_NOROOT) === 0 && (uid === 0 || euid === 0);
  const permitted = isRoot ? inheritable | bounding : ambient;
  return {
    inheritable,
    bounding,
    permitted,
    effective: isRoot && euid !== 0 ? 0n : permitted,
    ambient: isRoot ? 0n : ambient,
    securebits: securebits & ~SECBIT_KEEP_CAPS,
  };
}

/** sched_getattr(2) of a thread of ours or another's; tid 0: our own. */
export function readSched(port: KernelPort, tid: number): SchedAttr {
  using scope = port.scope();
  const attr = scope.alloc(sched_attr.size);
  port.call(schedGetattr, { pid: tid, attr, size: sched_attr.size, flags: 0 });
  return sched_attr.decode(attr.bytes);
}

/** The CPUs a thread may run on, of those that are online. tid 0: our own. */
export function readAffinity(port: KernelPort, tid: number): number[] {
  using scope = port.scope();
  const mask = scope.alloc(CPU_MASK_SIZE);
  const length = port.call(schedGetaffinity, { pid: tid, len: CPU_MASK_SIZE, mask });
  return cpusIn(mask.bytes.subarray(0, length));
}

export function cpusIn(mask: Uint8Array): number[] {
  const cpus: number[] = [];
  mask.forEach((byte, i) => {
    for (let bit = 0; bit < 8; bit++) if ((byte >> bit) & 1) cpus.push(i * 8 + bit);
  });
  return cpus;
}

/** '0-3,8' as the kernel writes sets of CPUs. */
export function parseCpuList(text: string): number[] {
  const cpus: number[] = [];
  for (const range of text.trim().split(',').filter(Boolean)) {
    const [first = '', last = first] = range.split('-');
    for (let cpu = Number.parseInt(first, 10); cpu <= Number.parseInt(last, 10); cpu++) {
      cpus.push(cpu);
    }
  }
  return cpus;
}

/** A /proc file that holds one number; undefined when there is no such file. */
export function readNumber(port: KernelPort, path: string): number | undefined {
  const text = readOptional(port, path);
  return text === undefined ? undefined : Number.parseInt(text, 10);
}

/**
 * A file of /proc that not every kernel has: undefined without it, or where reading it says `none`. Any other failure is
 * an error: what could not be looked at is not taken for absent.
 */
export function readOptional(port: KernelPort, path: string, none = ENOENT): string | undefined {
  const text = port.attemptReadText(path);
  if (typeof text !== 'number') return text;
  if (text === -ENOENT || text === -none) return undefined;
  const errno = errnoName(-text);
  throw refused(`reading '${path}': ${errno}`, { syscall: 'read', errno });
}

/**
 * The files of a cgroup that say how it is set, by controller: those that are saved and written again. Files that tell how
 * things are, or of what has happened, are none. Linux Documentation/admin-guide/cgroup-v1/ and cgroup-v2.rst.
 */
import type { CgroupOptions } from '../options.js';

/** Version 1, in the order in which they are written: CRIU 4.2 saves the same. */
const V1: Readonly<Record<string, readonly string[]>> = {
  cpu: ['shares', 'cfs_period_us', 'cfs_quota_us', 'rt_period_us', 'rt_runtime_us'],
  memory: [
    ...['limit_in_bytes', 'memsw.limit_in_bytes', 'swappiness', 'soft_limit_in_bytes'],
    ...['move_charge_at_immigrate', 'oom_control', 'use_hierarchy', 'kmem.limit_in_bytes'],
    'kmem.tcp.limit_in_bytes',
  ],
  cpuset: [
    ...['cpus', 'mems', 'memory_migrate', 'cpu_exclusive', 'mem_exclusive', 'mem_hardwall'],
    ...['memory_spread_page', 'memory_spread_slab', 'sched_load_balance'],
    'sched_relax_domain_level',
  ],
  blkio: ['weight'],
  net_cls: ['classid'],
  net_prio: ['ifpriomap'],
  pids: ['max'],
  devices: ['list'],
};

/** Version 2: of every controller that a cgroup has. CRIU saves them when --cgroup-props names them. */
const V2: Readonly<Record<string, readonly string[]>> = {
  cpu: ['weight', 'max', 'max.burst', 'idle', 'uclamp.min', 'uclamp.max'],
  memory: [
    ...['min', 'low', 'high', 'max', 'oom.group', 'swap.high', 'swap.max', 'zswap.max'],
    'zswap.writeback',
  ],
  io: ['max', 'weight', 'bfq.weight', 'prio.class', 'latency'],
  pids: ['max'],
  cpuset: ['cpus', 'mems', 'cpus.exclusive', 'cpus.partition'],
  misc: ['max'],
  rdma: ['max'],
  dmem: ['min', 'low', 'max'],
};

const V1_OF_ALL = ['cgroup.clone_children', 'notify_on_release', 'cgroup.procs', 'tasks'];
const V2_OF_ALL = [
  ...['cgroup.subtree_control', 'cgroup.max.descendants', 'cgroup.max.depth'],
  ...['cgroup.freeze', 'cgroup.type', 'cgroup.procs', 'cgroup.threads'],
];
/** By page size: hugetlb.2MB.max. */
const HUGETLB = /^hugetlb\.[^.]+\.(?:rsvd\.)?(?:limit_in_bytes|max)$/;

/** Of which files only the permissions are saved: who may move tasks. */
export const WITHOUT_VALUE: ReadonlySet<string> = new Set([
  'cgroup.procs',
  'cgroup.threads',
  'tasks',
]);

const prefixed = (controller: string, names: readonly string[] = []): string[] =>
  names.map((name) => `${controller}.${name}`);

/**
 * The names of the files that may be saved in a cgroup of a hierarchy, in order. `controllers`: of version 1 its own, of
 * version 2 those that the cgroup has; `there`: what the cgroup's folder holds.
 */
export function propertyNames(
  controllers: readonly string[],
  there: readonly string[],
  { isUnified, properties }: { isUnified: boolean } & Pick<CgroupOptions, 'properties'>,
): string[] {
  const known = isUnified ? V2 : V1;
  const names = controllers.flatMap((controller) => {
    const own = prefixed(controller, known[controller]);
    if (controller === 'hugetlb') own.push(...there.filter((name) => HUGETLB.test(name)).sort());
    let chosen = own;
    for (const one of properties) {
      if (one.controller !== controller) continue;
      const kept = one.strategy === 'replace' ? [] : chosen;
      chosen = kept.concat(one.properties);
    }
    return chosen;
  });
  const present = new Set(there);
  return [...new Set([...names, ...(isUnified ? V2_OF_ALL : V1_OF_ALL)])].filter((name) =>
    present.has(name),
  );
}

/** What the image holds of a file's text. */
export function savedValue(name: string, text: string): string {
  // 'oom_kill_disable 0', then what is the case now.
  if (name === 'memory.oom_control') return /^oom_kill_disable (\d+)/.exec(text)?.[1] ?? '';
  return text.trimEnd();
}

/** One thing to write, into which file: an image may hold a value in another form than a file takes. */
export interface PropertyWrite {
  readonly file: string;
  readonly text: string;
}

/** What makes a property that shows `now` what it was; nothing if it is so already. */
export function propertyWrites(
  name: string,
  { value, now }: { value: string; now: string },
): PropertyWrite[] {
  if (WITHOUT_VALUE.has(name) || savedValue(name, now) === value) return [];
  switch (name) {
    case 'devices.list':
      return [
        { file: 'devices.deny', text: 'a' },
        ...value.split('\n').map((text) => ({ file: 'devices.allow', text })),
      ];
    case 'cgroup.subtree_control': {
      const wanted = value.split(' ').filter(Boolean);
      const has = now.trim().split(' ').filter(Boolean);
      const changes = [
        ...wanted.filter((one) => !has.includes(one)).map((one) => `+${one}`),
        ...has.filter((one) => !wanted.includes(one)).map((one) => `-${one}`),
      ];
      return changes.map((text) => ({ file: name, text }));
    }
    case 'cgroup.type':
      // The only one that can be written; 'domain threaded' and 'domain invalid' follow from others.
      return value === 'threaded' ? [{ file: name, text: value }] : [];
    default:
      // A line each: io.max takes one device at a time.
      return value.split('\n').map((text) => ({ file: name, text }));
  }
}

/**
 * What a tree looks like from outside, in a form that must not change over a checkpoint: every file
 * of /proc that shows saved state, with what a kernel may renumber (pipe inodes, shared memory
 * inodes) numbered by first sight.
 */
import { procLink, procList, procStatus, procText, threadsOf, treeOf } from './proc.js';

/** Facts by name, e.g. '412/fd/3' -> '/dev/null'. */
export type Snapshot = Map<string, string>;

/** Status fields that measure or schedule, and are no state of the program. */
const STATUS_IGNORED = new Set([
  'State',
  'SigQ',
  'FDSize',
  'NSpid',
  'VmPeak',
  'VmHWM',
  'HugetlbPages',
  'VmRSS',
  'RssAnon',
  'RssFile',
  'RssShmem',
  'VmPTE',
  'VmSwap',
  'voluntary_ctxt_switches',
  'nonvoluntary_ctxt_switches',
]);

/** Fields of proc_pid_stat(5), by number, that are saved state. */
const STAT_FIELDS: ReadonlyArray<[number, string]> = [
  [4, 'ppid'],
  [5, 'pgrp'],
  [6, 'session'],
  [7, 'tty_nr'],
  [18, 'priority'],
  [19, 'nice'],
  [20, 'num_threads'],
  [26, 'startcode'],
  [27, 'endcode'],
  [28, 'startstack'],
  [38, 'exit_signal'],
  [40, 'rt_priority'],
  [41, 'policy'],
  [45, 'start_data'],
  [46, 'end_data'],
  [47, 'start_brk'],
  [48, 'arg_start'],
  [49, 'arg_end'],
  [50, 'env_start'],
  [51, 'env_end'],
];

const PROCESS_TEXTS = [
  'cmdline',
  'environ',
  'auxv',
  'limits',
  'oom_score_adj',
  'coredump_filter',
  'timerslack_ns',
];
const TASK_TEXTS = ['comm', 'personality', 'cgroup'];
const NAMESPACES = ['cgroup', 'ipc', 'mnt', 'net', 'pid', 'user', 'uts'];

/** Takes the snapshot of `pid` and its descendants; all of them should be idle. */
export function takeSnapshot(
  pid: number,
  { byCriu = false }: { byCriu?: boolean | undefined } = {},
): Snapshot {
  const facts: Snapshot = new Map();
  const renumber = inodeNumbers(byCriu);
  const pids = treeOf(pid).sort((a, b) => a - b);
  facts.set('pids', pids.join(' '));
  for (const one of pids) {
    addProcess(facts, one, renumber);
    for (const tid of threadsOf(one)) addThread(facts, one, tid);
    // Whoever adopted the root is no state of the tree.
    if (one === pid)
      for (const key of [`${pid}/stat.ppid`, `${pid}/status.PPid`]) facts.delete(key);
  }
  return facts;
}

/** Facts that differ, one line each; `ignore` matches the fact's name. */
export function compareSnapshots(
  before: Snapshot,
  after: Snapshot,
  ignore: readonly RegExp[] = [],
): string[] {
  const names = [...new Set([...before.keys(), ...after.keys()])];
  return names
    .filter((name) => before.get(name) !== after.get(name))
    .filter((name) => !ignore.some((pattern) => pattern.test(name)))
    .map((name) => `${name}: ${shown(before.get(name))} became ${shown(after.get(name))}`);
}

const shown = (value: string | undefined): string =>
  value === undefined
    ? '(absent)'
    : JSON.stringify(value.length > 300 ? `${value.slice(0, 300)}...` : value);

function addProcess(facts: Snapshot, pid: number, renumber: (text: string) => string): void {
  for (const name of PROCESS_TEXTS)
    facts.set(`${pid}/${name}`, procText(pid, name) ?? '(unreadable)');
  for (const name of ['cwd', 'root', 'exe']) facts.set(`${pid}/${name}`, procLink(pid, name) ?? '');
  for (const name of NAMESPACES) facts.set(`${pid}/ns/${name}`, procLink(pid, `ns/${name}`) ?? '');
  for (const fd of procList(pid, 'fd')) {
    const target = procLink(pid, `fd/${fd}`) ?? '(gone)';
    facts.set(`${pid}/fd/${fd}`, renumber(target));
    const anonymous = !target.startsWith('/') || target.startsWith('/memfd:');
    facts.set(`${pid}/fdinfo/${fd}`, fdinfoOf(pid, fd, anonymous));
  }
  for (const [range, what] of mappingsOf(pid, renumber)) facts.set(`${pid}/maps/${range}`, what);
}

function addThread(facts: Snapshot, pid: number, tid: number): void {
  const base = tid === pid ? `${pid}` : `${pid}/task/${tid}`;
  const from = `${pid}/task/${tid}`;
  for (const name of TASK_TEXTS)
    facts.set(`${base}/${name}`, procText(from, name) ?? '(unreadable)');
  for (const [name, value] of procStatus(from)) {
    if (!STATUS_IGNORED.has(name)) facts.set(`${base}/status.${name}`, value);
  }
  const fields = (procText(from, 'stat') ?? '')
    .replace(/^.*\) /s, '')
    .trim()
    .split(' ');
  for (const [number, name] of STAT_FIELDS)
    facts.set(`${base}/stat.${name}`, fields[number - 3] ?? '');
}

/** fdinfo without what the kernel numbers (the inode of what has no name) or counts down by itself. */
function fdinfoOf(pid: number, fd: string, anonymous: boolean): string {
  const text = procText(pid, `fdinfo/${fd}`) ?? '(unreadable)';
  if (!anonymous) return text;
  const own = text.replace(/^(ino|mnt_id|eventfd-id|it_value):.*\n/gm, '');
  // Targets of epoll stand in the order of their addresses.
  const targets = own.match(/^tfd:.*\n/gm) ?? [];
  return targets.length === 0
    ? own
    : own.replace(/^tfd:.*\n/gm, '') +
        targets
          .map((line) => line.replace(/ino:.*/, ''))
          .sort()
          .join('');
}

/**
 * Mappings with their VmFlags. Neighbours that differ in nothing count as one: the kernel merges
 * and splits them as it likes. `sd` (soft-dirty) and `ac` (accounted, set once a private mapping
 * was ever writable) are history.
 */
function mappingsOf(pid: number, renumber: (text: string) => string): Array<[string, string]> {
  const merged: Array<{ start: bigint; end: bigint; what: string; next: string }> = [];
  for (const area of (procText(pid, 'smaps') ?? '').split(/^(?=[0-9a-f]+-[0-9a-f]+ )/m)) {
    const head = /^([0-9a-f]+)-([0-9a-f]+) (\S+) (\S+) (\S+) (\d+) *(.*)\n/.exec(area);
    if (head === null) continue;
    const [, from = '', to = '', perms = '', offset = '', device = '', inode = '', name = ''] =
      head;
    const flags = (/^VmFlags: (.*)$/m.exec(area)?.[1] ?? '')
      .split(' ')
      .filter((flag) => flag !== 'sd' && flag !== 'ac' && flag !== '')
      .join(' ');
    const start = BigInt(`0x${from}`);
    const end = BigInt(`0x${to}`);
    const file = renumber(inode === '0' ? name : `${device} inode:[${inode}] ${name}`);
    const at = BigInt(`0x${offset}`);
    const kind = `${perms} ${file} | ${flags}`;
    const last = merged.at(-1);
    const continues = inode === '0' ? kind : `${kind} @${at}`;
    if (last !== undefined && last.end === start && last.next === continues) {
      last.end = end;
      last.next = inode === '0' ? kind : `${kind} @${at + end - start}`;
      continue;
    }
    const next = inode === '0' ? kind : `${kind} @${at + end - start}`;
    merged.push({ start, end, what: inode === '0' ? kind : `${kind} +${at.toString(16)}`, next });
  }
  return merged.map(({ start, end, what }) => [`${start.toString(16)}-${end.toString(16)}`, what]);
}

/** Anonymous shared memory, memfds. */
const SHARED_MEMORY = /^\S+ inode:\[(\d+)\] (\/dev\/zero|\/memfd:.*|\/\[aio\]) \(deleted\)$/;
/** CRIU brings it back as a memfd, which shows: one without a name, of our images. */
const SHARED_AS_MEMFD =
  /^\S+ inode:\[(\d+)\] (?:\/memfd:(?=\/dev\/zero ))?(\/dev\/zero|\/memfd:.*|\/\[aio\]) \(deleted\)$/;

/**
 * Gives inodes without a name of their own (pipes, anonymous shared memory) numbers in order of
 * appearance.
 */
function inodeNumbers(byCriu: boolean): (text: string) => string {
  const sharedMemory = byCriu ? SHARED_AS_MEMFD : SHARED_MEMORY;
  const nameless = byCriu ? '/memfd:' : undefined;
  const seen = new Map<string, number>();
  const numberOf = (inode: string): number => {
    const known = seen.get(inode) ?? seen.size + 1;
    seen.set(inode, known);
    return known;
  };
  return (text) =>
    text
      .replace(
        /^(\w+):\[(\d+)\]$/,
        (_, kind: string, inode: string) => `${kind}:#${numberOf(inode)}`,
      )
      .replace(
        sharedMemory,
        (_, inode: string, name: string) =>
          `shared memory #${numberOf(inode)} ${name === nameless ? '/dev/zero' : name}`,
      );
}

/** What a person wants to know of a checkpoint: the tree, each task's memory, files, sockets and limits. Pure. */
import { IMAGES } from '../images/catalogue.js';
import { VALUE_NAMES } from '../images/dictionaries.js';
import type { ImageSet } from '../images/directory.js';
import { fd_types, type file_entry } from '../images/messages/fdinfo.js';
import type { pstree_entry } from '../images/messages/pstree.js';
import type { inet_sk_entry } from '../images/messages/sk-inet.js';
import { printAddress, printQuoted } from '../images/renderings.js';
import { enumName, type MessageValue } from '../images/schema.js';
import { taskLife } from '../images/task-state.js';
import { RLIM_INFINITY, rlimitName } from '../linux/resource.js';
import { decodeText } from '../support/text.js';

type Task = MessageValue<typeof pstree_entry>;
type File = MessageValue<typeof file_entry>;

export interface TaskSummary {
  readonly pid: number;
  readonly ppid: number;
  readonly pgid: number;
  readonly sid: number;
  /** How many tasks are above it. */
  readonly depth: number;
  readonly comm: string;
  /** 'Alive', 'Ended', 'Stopped'; or the number. */
  readonly state: string;
  readonly threadCount: number;
  /** Undefined for a task that has ended. */
  readonly uid: number | undefined;
  readonly exe: string | undefined;
  readonly cwd: string | undefined;
  readonly mappingCount: number;
  readonly mappedBytes: number;
  /** In this checkpoint and in those it builds on. */
  readonly savedBytes: number;
  readonly files: readonly FileSummary[];
  /** Those that are not infinite: 'NOFILE' -> '1024/4096'. */
  readonly limits: Readonly<Record<string, string>>;
}

export interface FileSummary {
  readonly fd: number;
  /** As images call it: 'REG', 'INETSK'. */
  readonly type: string;
  /** A path, an address, a pipe's number. */
  readonly name: string;
}

const STATES = { alive: 'Alive', ended: 'Ended', stopped: 'Stopped' } as const;

/** `savedBytesOf` tells how much of a task's memory is saved. */
export function summarizeTasks(
  set: ImageSet,
  savedBytesOf: (pid: number) => number,
): TaskSummary[] {
  const files = new Map(set.many(IMAGES.FILES).map((file) => [file.id, file]));
  return inTreeOrder(set.many(IMAGES.PSTREE)).map(({ task, depth }) => {
    const { pid, ppid, pgid, sid, threads } = task;
    const core = set.get(IMAGES.CORE, pid);
    const mm = set.get(IMAGES.MM, pid);
    const ids = set.get(IMAGES.IDS, pid);
    const fs = set.get(IMAGES.FS, pid);
    return {
      ...{ pid, ppid, pgid, sid, depth },
      comm: core?.tc?.comm ?? '',
      state: core === undefined ? '?' : STATES[taskLife(core)],
      threadCount: mm ? threads.length : 0,
      uid: core?.thread_core?.creds?.euid,
      exe: mm && files.get(mm.exe_file_id)?.reg?.name,
      cwd: fs && files.get(fs.cwd_id)?.reg?.name,
      mappingCount: mm?.vmas.length ?? 0,
      mappedBytes: (mm?.vmas ?? []).reduce((sum, vma) => sum + vma.end - vma.start, 0),
      savedBytes: mm ? savedBytesOf(pid) : 0,
      files: ids ? summarizeFiles(set, ids.files_id, files) : [],
      limits: limitsOf(core?.tc?.rlimits?.rlimits ?? []),
    };
  });
}

/** Parents before their children; a task whose parent is not there stands at the top. */
function inTreeOrder(tasks: readonly Task[]): { task: Task; depth: number }[] {
  const children = new Map<number, Task[]>();
  const pids = new Set(tasks.map(({ pid }) => pid));
  for (const task of tasks) {
    const parent = pids.has(task.ppid) && task.ppid !== task.pid ? task.ppid : 0;
    const list = children.get(parent);
    if (list) list.push(task);
    else children.set(parent, [task]);
  }
  const ordered: { task: Task; depth: number }[] = [];
  const seen = new Set<Task>();
  // From the top, then what only a circle of parents leads to.
  for (const first of [...(children.get(0) ?? []), ...tasks]) {
    const waiting = [{ task: first, depth: 0 }];
    for (let next = waiting.pop(); next; next = waiting.pop()) {
      const { task, depth } = next;
      if (seen.has(task)) continue;
      seen.add(task);
      ordered.push(next);
      const below = (children.get(task.pid) ?? []).map((child) => ({
        task: child,
        depth: depth + 1,
      }));
      for (const entry of below.reverse()) waiting.push(entry);
    }
  }
  return ordered;
}

function summarizeFiles(
  set: ImageSet,
  table: number,
  files: ReadonlyMap<number, File>,
): FileSummary[] {
  return set.many(IMAGES.FDINFO, table).map(({ fd, id, type }) => ({
    fd,
    type: enumName(fd_types, type) ?? String(type),
    name: fileName(files.get(id)),
  }));
}

function fileName(file: File | undefined): string {
  if (!file) return '?';
  const { reg, pipe, fifo, usk, isk, memfd, nlsk, psk } = file;
  if (reg) return reg.name;
  if (pipe) return `pipe:[${pipe.pipe_id}]`;
  if (fifo) return `fifo:[${fifo.pipe_id}]`;
  if (usk) return `socket:[${usk.ino}]${unixName(usk.name)}`;
  if (isk) return socketName(isk);
  if (memfd) return `memfd ${memfd.inode_id}`;
  if (nlsk) return `netlink:[${nlsk.ino}]`;
  if (psk) return `packet:[${psk.id}]`;
  return `${enumName(fd_types, file.type) ?? file.type}.${file.id}`.toLowerCase();
}

/** A path, which ends with NUL, or an abstract name, which begins with one and is shown with '@'. */
function unixName(name: Uint8Array): string {
  if (name.length === 0) return '';
  if (name[0] === 0) return ` @${printQuoted(name.subarray(1))}`;
  return ` ${decodeText(name, 0, name.indexOf(0) < 0 ? name.length : name.indexOf(0))}`;
}

/** 'TCP ESTABLISHED 127.0.0.1:80 -> 127.0.0.1:5000'. */
function socketName(socket: MessageValue<typeof inet_sk_entry>): string {
  const { proto, state, src_addr, src_port, dst_addr, dst_port } = socket;
  const named = (key: string, value: number) => VALUE_NAMES.sk?.[key]?.[value] ?? String(value);
  const place = (words: readonly number[], port: number) => {
    const isKnown = words.length === 1 || words.length === 4;
    const text = isKnown ? printAddress(words) : '?';
    return text.includes(':') ? `[${text}]:${port}` : `${text}:${port}`;
  };
  const peer = dst_port === 0 ? '' : ` -> ${place(dst_addr, dst_port)}`;
  const from = place(src_addr, src_port);
  return `${named('proto', proto)} ${named('state', state)} ${from}${peer}`;
}

function limitsOf(limits: readonly { cur: bigint; max: bigint }[]): Record<string, string> {
  const text = (value: bigint) => (value === RLIM_INFINITY ? 'unlimited' : String(value));
  return Object.fromEntries(
    limits.flatMap(({ cur, max }, resource) =>
      cur === RLIM_INFINITY && max === RLIM_INFINITY
        ? []
        : [[rlimitName(resource).replace('RLIMIT_', ''), `${text(cur)}/${text(max)}`]],
    ),
  );
}

/** `crit x DIR`: a checkpoint's tasks, their files, their mappings and what of those is saved, as lines of text. */
import { IMAGES } from '../images/catalogue.js';
import { type ImageSet, missingImage, readImageSet } from '../images/directory.js';
import { type Image, imageName } from '../images/image.js';
import { fd_types, type file_entry } from '../images/messages/fdinfo.js';
import type { pstree_entry } from '../images/messages/pstree.js';
import type { unix_sk_entry } from '../images/messages/sk-unix.js';
import type { vma_entry } from '../images/messages/vma.js';
import { readPagemap } from '../images/pagemap.js';
import { printQuoted } from '../images/renderings.js';
import { enumName, type MessageValue } from '../images/schema.js';
import type { ImageStore } from '../images/store.js';
import {
  ANON_SHARED,
  AREA_REGULAR,
  AREA_SOCKET,
  AREA_STACK,
  AREA_SYSVIPC,
  AREA_VDSO,
  AREA_VSYSCALL,
  FILE_PRIVATE,
  FILE_SHARED,
} from '../images/vma-status.js';
import { MAP_GROWSDOWN, PROT_EXEC, PROT_READ, PROT_WRITE } from '../linux/uapi/mman.js';
import { PAGE_SIZE } from '../support/brand.js';
import { imageError } from '../support/errors.js';
import type { Subject } from './arguments.js';

type Task = MessageValue<typeof pstree_entry>;
type File = MessageValue<typeof file_entry>;
type Vma = MessageValue<typeof vma_entry>;

/** The images each answer needs: a broken one that it does not need does not matter. */
const NEEDED: Readonly<Record<Subject, readonly (keyof typeof IMAGES)[]>> = {
  ps: ['PSTREE', 'CORE'],
  fds: ['PSTREE', 'IDS', 'FDINFO', 'FILES', 'FS'],
  mems: ['PSTREE', 'MM', 'FILES'],
  rss: ['PSTREE', 'MM', 'FILES'],
};

/** What there is to know about a checkpoint's tasks, in lines. */
export function explore(store: ImageStore, subject: Subject): string {
  const needed: readonly string[] = NEEDED[subject];
  const set = readImageSet(store, (image: Image) => !needed.includes(image.key));
  const tasks = set.many(IMAGES.PSTREE);
  if (tasks.length === 0) throw missingImage(imageName(IMAGES.PSTREE, undefined));
  const lines = subject === 'ps' ? processTree(set, tasks) : tasks.flatMap(taskLines);
  return `${lines.join('\n')}\n`;

  function taskLines({ pid }: Task): string[] {
    const about = {
      fds: () => openFiles(set, pid),
      mems: () => mappings(set, pid),
      rss: () => residentPages(store, set, pid),
    };
    return [`${pid}`, ...about[subject as Exclude<Subject, 'ps'>]().map((line) => `\t${line}`)];
  }
}

/** Deeper trees come from a lying image: each level is a task of its own. */
function processTree(set: ImageSet, tasks: readonly Task[]): string[] {
  const lines = [`${['PID', 'PGID', 'SID'].map(column).join('')}   COMM`];
  const children = groupByParent(tasks);
  const waiting = (children.get(0) ?? []).map((task) => ({ task, depth: 0 }));
  const seen = new Set<Task>();
  for (let next = waiting.shift(); next; next = waiting.shift()) {
    const { task, depth } = next;
    seen.add(task);
    const core = set.get(IMAGES.CORE, task.pid);
    const indent = ' '.repeat(4 * depth);
    const ids = [task.pid, task.pgid, task.sid].map(column).join('');
    lines.push(`${ids}   ${indent}${core?.tc?.comm ?? ''}`.trimEnd());
    const below = (children.get(task.pid) ?? []).filter((child) => !seen.has(child));
    waiting.unshift(...below.map((child) => ({ task: child, depth: depth + 1 })));
  }
  const lost = tasks.find((task) => !seen.has(task));
  if (lost) {
    throw imageError(`task ${lost.pid}: its parent ${lost.ppid} leads to no root`, {
      object: imageName(IMAGES.PSTREE, undefined),
    });
  }
  return lines;
}

const column = (value: number | string): string => String(value).padStart(7);

function groupByParent(tasks: readonly Task[]): Map<number, Task[]> {
  const groups = new Map<number, Task[]>();
  for (const task of tasks) groups.set(task.ppid, [...(groups.get(task.ppid) ?? []), task]);
  return groups;
}

/** A task that has ended and waits for its parent has no tables, and no lines. */
function openFiles(set: ImageSet, pid: number): string[] {
  const ids = set.get(IMAGES.IDS, pid);
  if (!ids) return [];
  const files = new Map(set.many(IMAGES.FILES).map((file) => [file.id, file]));
  const line = (left: string | number, name: string) => `${String(left).padStart(7)}: ${name}`;
  const lines = set
    .many(IMAGES.FDINFO, ids.files_id)
    .map(({ fd, id, type }) => line(fd, fileName(files.get(id), { id, type })));
  const fs = set.get(IMAGES.FS, pid);
  if (fs) {
    const reg = (id: number) => fileName(files.get(id), { id, type: fd_types.REG });
    lines.push(line('cwd', reg(fs.cwd_id)), line('root', reg(fs.root_id)));
  }
  return lines;
}

/** A path, or kind and id. */
function fileName(file: File | undefined, { id, type }: { id: number; type: number }): string {
  if (type === fd_types.REG) return file?.reg?.name ?? 'unknown path';
  if (file?.pipe) return `pipe[${file.pipe.pipe_id}]`;
  if (file?.usk) return socketName(file.usk);
  return `${enumName(fd_types, type) ?? type}.${id}`;
}

function socketName({ ino, peer, name }: MessageValue<typeof unix_sk_entry>): string {
  return `unix[${ino} (${peer})${name.length > 0 ? ` ${printQuoted(name)}` : ''}]`;
}

const isFile = ({ status }: Vma): boolean => (status & (FILE_PRIVATE | FILE_SHARED)) !== 0;

const hex = (value: number): string => value.toString(16).padStart(8, '0');

function mappings(set: ImageSet, pid: number): string[] {
  const mm = set.get(IMAGES.MM, pid);
  if (!mm) return [];
  const paths = pathsOf(set);
  const pathOf = (id: number | bigint) => paths.get(Number(id)) ?? 'unknown path';
  const lines = [`${'exe'.padEnd(40)}${pathOf(mm.exe_file_id)}`];
  for (const vma of mm.vmas) {
    const { prot, status } = vma;
    const rwx =
      (prot & PROT_READ ? 'r' : '-') +
      (prot & PROT_WRITE ? 'w' : '-') +
      (prot & PROT_EXEC ? 'x' : '-');
    const range = `${hex(vma.start)}-${hex(vma.end)}`.padEnd(36);
    const special = status & AREA_REGULAR ? '' : ' *';
    lines.push(`${range}${rwx}${mappingName(vma, pathOf)}${special}`);
  }
  return lines;
}

function mappingName(vma: Vma, pathOf: (id: bigint) => string): string {
  const { status, flags, shmid, pgoff } = vma;
  if (status & AREA_STACK) return ' [stack]';
  if (status & AREA_VSYSCALL) return ' [vsyscall]';
  if (status & AREA_VDSO) return ' [vdso]';
  if (isFile(vma)) {
    const from = pgoff ? ` + 0x${pgoff.toString(16)}` : '';
    return ` ${pathOf(shmid)}${from}${status & FILE_SHARED ? ' (s)' : ''}`;
  }
  if (status & ANON_SHARED) return ` shmem[${shmid}]`;
  if (status & AREA_SYSVIPC) return ` ips[${shmid}]`;
  if (status & AREA_SOCKET) return ` packet[${shmid}]`;
  return flags & MAP_GROWSDOWN ? ' [stack?]' : '';
}

const pathsOf = (set: ImageSet): Map<number, string> =>
  new Map(set.many(IMAGES.FILES).flatMap(({ id, reg }) => (reg ? [[id, reg.name]] : [])));

/** Saved pages beside the mappings that hold them; '~' when the mapping is the one of the run before. */
function residentPages(store: ImageStore, set: ImageSet, pid: number): string[] {
  const mm = set.get(IMAGES.MM, pid);
  const file = imageName(IMAGES.PAGEMAP, pid);
  const reader = mm && store.open(file);
  if (!reader) return [];
  const paths = pathsOf(set);
  const lines: string[] = [];
  let first = 0;
  let last: Vma | undefined;
  try {
    for (const { vaddr, pageCount } of readPagemap(IMAGES.PAGEMAP, reader, file).runs) {
      const end = vaddr + pageCount * PAGE_SIZE;
      while ((mm.vmas[first]?.end ?? Number.POSITIVE_INFINITY) <= vaddr) first++;
      let left = `${vaddr.toString(16)} / ${pageCount}`;
      for (let at = first; (mm.vmas[at]?.start ?? end) < end; at++) {
        const vma = mm.vmas[at] as Vma;
        lines.push(`${left.padEnd(24)}${vma === last ? '~' : mappingSize(vma, paths)}`);
        left = '';
        last = vma;
      }
      // Pages outside of all mappings: a lie, which verify names.
      if (left !== '') lines.push(left);
      lines.push(' '.repeat(23));
    }
  } finally {
    reader.close();
  }
  return lines;
}

function mappingSize(vma: Vma, paths: ReadonlyMap<number, string>): string {
  const count = String((vma.end - vma.start) / PAGE_SIZE).padEnd(8);
  const path = isFile(vma) ? ` ${paths.get(Number(vma.shmid)) ?? 'unknown path'}` : '';
  return `${hex(vma.start)} / ${count}${path}`;
}

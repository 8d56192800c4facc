/**
 * Open files in a restore: from the images to steps. Each process first clears its table; descriptions are made at
 * temporary numbers by one process each, taken from there by the others, put in their places, and the temporary
 * numbers closed at the end.
 */
import { RLIMIT_NOFILE } from '../../linux/resource.js';
import { closeRange, dup3 } from '../../linux/syscalls/files.js';
import { pidfdGetfd, pidfdOpen, prlimit64 } from '../../linux/syscalls/tasks.js';
import { FD_CLOEXEC, O_CLOEXEC } from '../../linux/uapi/fcntl.js';
import { rlimit64 } from '../../linux/uapi/sched.js';
import { planHandOver } from '../../plan/hand-over.js';
import type { Stage } from '../../plan/stages.js';
import type { Track } from '../../plan/track.js';
import { defined } from '../../support/assert.js';
import { toNumber } from '../../support/bytes.js';
import { refused, within } from '../../support/errors.js';
import type { FileBuild, FileKind } from '../kinds.js';
import { isMappedMemfd } from '../memory/rebuild-memfd.js';
import {
  type FileRebuild,
  owns,
  type ProcessRebuild,
  type RebuildInputs,
  type RegFileEntry,
} from '../rebuild-context.js';
import { addLocks, addOwners } from './late-steps.js';
import { openNamed, reopenFlags } from './open-named.js';
import { broken, type FdinfoEntry, type Saved, SavedFiles, surveyFiles } from './saved-files.js';

const LAST_FD = 0xffff_ffff;
/** Descriptors below the temporary ones that a step may have open for a moment. */
const SPARE_FDS = 8;

/** Surveys the host's files, throwing all differences at once; then adds the steps. Pure but for the survey. */
export function rebuildFiles(context: RebuildInputs): FileRebuild {
  const saved = new SavedFiles(context);
  const tables = context.processes.map((process) =>
    owns(process, 'files_id') ? saved.tableOf(process) : [],
  );
  surveyFiles(context, saved);
  const files = new Rebuild(context, saved);
  const { remaps } = saved;
  // The first process makes what the others open.
  context.processes.forEach((process, i) => {
    const stage = i === 0 && !remaps.isEmpty ? 'lost names' : 'make';
    if (owns(process, 'files_id')) files.begin(process, stage);
  });
  remaps.make();
  files.make(tables);
  return files;
}

/** The temporary descriptors of the descriptions, by id. */
type Made = Map<number, number>;

/** A description that is made, and has steps in 'fill'. */
interface Unfilled {
  kind: FileKind;
  build: FileBuild<unknown, unknown>;
  fd: number;
}

class Rebuild implements FileRebuild {
  private readonly context: RebuildInputs;
  private readonly saved: SavedFiles;
  private readonly used = new Map<ProcessRebuild, Map<string, number>>();
  private readonly tables = new Map<ProcessRebuild, Map<number, FdinfoEntry>>();
  /** By process: temporary descriptors of what it has made, and of what it has taken. */
  private readonly temporaries = new Map<ProcessRebuild, Made>();
  private readonly makers = new Map<number, ProcessRebuild>();
  private readonly unfilled: Unfilled[] = [];

  constructor(context: RebuildInputs, saved: SavedFiles) {
    this.context = context;
    this.saved = saved;
  }

  /** Room for temporary descriptors, and nothing in the table but the control descriptor. */
  begin({ track }: ProcessRebuild, stage: Stage): void {
    const { controlFd } = this.context;
    const { hard, most } = this.fdLimits();
    track.at(stage).call(
      prlimit64,
      () => {
        const end = track.temporaryFdsEnd + SPARE_FDS;
        const { next, highest } = this.savedNumbers();
        if (end > next) {
          throw refused(
            `descriptors up to ${end} are needed for the time being, and ${next} is saved`,
            {
              object: track.name,
            },
          );
        }
        const needed = Math.max(end, highest + 1);
        if (needed > most) {
          throw refused(`descriptors up to ${needed} are needed, and the kernel allows ${most}`, {
            object: track.name,
            remedy: 'raise /proc/sys/fs/nr_open',
          });
        }
        const limit = BigInt(Math.max(hard, needed));
        const new_limit = { rlim_cur: limit, rlim_max: limit };
        return { pid: 0, resource: RLIMIT_NOFILE, new_limit, old_limit: 0 };
      },
      { object: 'RLIMIT_NOFILE' },
    );
    track.call(closeRange, { first: 0, last: controlFd - 1, flags: 0 });
    track.call(closeRange, { first: controlFd + 1, last: LAST_FD, flags: 0 });
  }

  make(tables: readonly (readonly FdinfoEntry[])[]): void {
    const { processes } = this.context;
    const mapped = this.mappedMemfds();
    const { makes, takes } = planHandOver({
      tables: tables.map((table, i) => [
        ...table.map(({ id }) => id),
        ...(mapped.get(processes[i] as ProcessRebuild) ?? []),
      ]),
      resourceOf: (id) => {
        const { kind, entry } = this.saved.get(id);
        return kind.resourceOf?.(entry, this.context);
      },
    });
    const made: Made = new Map();
    const makers = new Map<number, number>();
    processes.forEach((process, i) => {
      const own: Made = new Map();
      this.temporaries.set(process, own);
      this.tables.set(process, new Map((tables[i] ?? []).map((entry) => [entry.fd, entry])));
      for (const ids of makes[i] ?? []) {
        this.makeTogether(process, ids, own);
        for (const id of ids) {
          makers.set(id, i);
          this.makers.set(id, process);
        }
      }
      for (const [id, fd] of own) made.set(id, fd);
    });
    processes.forEach((process, i) => {
      const track = process.track.at('descriptors');
      const held = new Set((tables[i] ?? []).map(({ id }) => id));
      const needs = this.needsOf((makes[i] ?? []).flat(), makers, i);
      const own = this.temporaryOf(process);
      for (const [id, fd] of this.take(
        track,
        [...(takes[i] ?? []).filter(({ id }) => held.has(id)), ...needs],
        made,
      )) {
        own.set(id, fd);
      }
      for (const { id, fd, flags } of tables[i] ?? []) {
        const oldfd = defined(own.get(id), `file ${id} is not made`);
        const cloexec = (flags & FD_CLOEXEC) !== 0 ? O_CLOEXEC : 0;
        const object = this.saved.get(id).kind.name;
        track.call(dup3, { oldfd, newfd: fd, flags: cloexec }, { object, fd, mustEqual: fd });
      }
    });
    for (const { kind, build, fd } of this.unfilled) {
      const { vpid, comm, track } = build.process;
      track.at('fill');
      within({ object: kind.name, pid: vpid, comm }, () => kind.fill?.(build, fd));
    }
  }

  /** Files without a descriptor of their own, by who makes the descriptors of those that map them. */
  private mappedMemfds(): Map<ProcessRebuild, number[]> {
    const { processes, images } = this.context;
    const mapped = new Map<ProcessRebuild, number[]>();
    for (const process of processes) {
      if (!owns(process, 'vm_id')) continue;
      const maker = process.owner.files_id;
      const ids = process.mm.vmas.filter((vma) => isMappedMemfd(vma, images));
      mapped.set(maker, [...(mapped.get(maker) ?? []), ...ids.map((vma) => toNumber(vma.shmid))]);
    }
    return mapped;
  }

  /** What the `fill` of these descriptions uses, made by others and in nobody's table here. */
  private needsOf(
    ids: readonly number[],
    makers: ReadonlyMap<number, number>,
    process: number,
  ): { id: number; from: number }[] {
    const needed = new Set<number>();
    for (const id of ids) {
      const { kind, entry } = this.saved.get(id);
      for (const other of kind.needs?.(entry) ?? []) needed.add(other);
    }
    return [...needed].flatMap((id) => {
      const from = makers.get(id);
      if (from === undefined) throw broken(`file ${id} is needed, and nobody has it open`);
      return from === process ? [] : [{ id, from }];
    });
  }

  private makeTogether(process: ProcessRebuild, ids: readonly number[], made: Made): void {
    const { context } = this;
    const together = ids.map((id) => this.saved.get(id));
    const [{ kind }] = together as [Saved];
    within({ object: kind.name, pid: process.vpid, comm: process.comm }, () => {
      process.track.at('make');
      const entries = together.map(({ entry }) => entry);
      const shared = kind.make?.({ entries, process, context, files: this });
      for (const { id, entry } of together) {
        const build: FileBuild<unknown, unknown> = {
          ...{ entry, process, made: shared, context, files: this },
        };
        const fd = kind.open(build);
        made.set(id, fd);
        if (kind.fill) this.unfilled.push({ kind, build, fd });
      }
    });
  }

  /** Before any descriptor is in place: the lowest numbers are still free. */
  private take(
    track: Track,
    takes: readonly { id: number; from: number }[],
    made: Made,
  ): Map<number, number> {
    const pidfds = new Map<number, number>();
    const own: Made = new Map();
    for (const { id, from } of takes) {
      if (own.has(id)) continue;
      const fd = defined(made.get(id), `file ${id} is not made`);
      const { vpid } = this.context.processes[from] as ProcessRebuild;
      const object = this.saved.get(id).kind.name;
      let pidfd = pidfds.get(vpid);
      if (pidfd === undefined) {
        pidfd = track.newFd(pidfdOpen, { pid: vpid, flags: 0 }, { object });
        pidfds.set(vpid, pidfd);
      }
      own.set(id, track.newFd(pidfdGetfd, { pidfd, targetfd: fd, flags: 0 }, { object }));
    }
    return own;
  }

  tableOf(process: ProcessRebuild): ReadonlyMap<number, FdinfoEntry> {
    return defined(this.tables.get(process.owner.files_id), 'a process has a table');
  }

  temporary(process: ProcessRebuild, fileId: number): number {
    const own = this.temporaryOf(process.owner.files_id);
    return defined(own.get(fileId), `file ${fileId} is neither made nor taken here`);
  }

  made(fileId: number): { maker: ProcessRebuild; fd: number } {
    const maker = defined(this.makers.get(fileId), `file ${fileId} is not made`);
    return { maker, fd: this.temporary(maker, fileId) };
  }

  private temporaryOf(process: ProcessRebuild): Made {
    return defined(this.temporaries.get(process), 'descriptions are made before they are used');
  }

  use(process: ProcessRebuild, fileId: number, flags?: number): number {
    const entry = this.named(fileId);
    const how = flags ?? entry.flags;
    return this.once(process, `${fileId} ${how}`, () => this.open(process, entry, how));
  }

  open(user: ProcessRebuild, entry: RegFileEntry, flags: number): number {
    const process = user.owner.files_id;
    const { track } = process;
    const pid = this.saved.remaps.goneTaskOf(entry);
    if (pid !== undefined) {
      const { controlFd, hostGoneFile } = this.context;
      const at = { pid, name: entry.name, flags: reopenFlags(flags, entry.mode), pos: entry.pos };
      const args = { pidfd: controlFd, targetfd: hostGoneFile(at), flags: 0 };
      return track.newFd(pidfdGetfd, args, { object: `file '${entry.name}'` });
    }
    return openNamed(track, entry, { flags, via: this.wayTo(process, entry) });
  }

  /** A descriptor that leads to a file without a name. */
  private wayTo(process: ProcessRebuild, entry: RegFileEntry): number | undefined {
    const { remaps, handedIns } = this.saved;
    const handedIn = handedIns.get(entry.id);
    if (handedIn) return this.handedIn(process, handedIn.fd);
    const key = `remap ${entry.id}`;
    return remaps.has(entry.id)
      ? this.once(process, key, () => remaps.descriptor(process, entry))
      : undefined;
  }

  handedIn(process: ProcessRebuild, targetfd: number): number {
    return this.once(process, `handed in ${targetfd}`, (track) => {
      const args = { pidfd: this.context.controlFd, targetfd, flags: 0 };
      return track.newFd(pidfdGetfd, args, { object: `inherited descriptor ${targetfd}` });
    });
  }

  image(process: ProcessRebuild, name: string): number {
    return this.once(process, name, (track) => {
      const { controlFd, hostImageFd } = this.context;
      const args = { pidfd: controlFd, targetfd: hostImageFd.call(this.context, name), flags: 0 };
      return track.newFd(pidfdGetfd, args, { object: name });
    });
  }

  named(fileId: number): RegFileEntry {
    return this.saved.named(fileId);
  }

  finish(): void {
    for (const process of this.context.processes) {
      if (!owns(process, 'files_id')) continue;
      const { track } = process;
      const first = this.context.controlFd;
      // Those who share the table still use them in 'task state'.
      const isShared = this.context.processes.some(
        (other) => other !== process && other.owner.files_id === process,
      );
      track.at(isShared ? 'threads' : 'task state');
      track.call(closeRange, () => ({ first, last: track.temporaryFdsEnd - 1, flags: 0 }));
    }
    addLocks(this.context);
    const tables = this.context.processes.map((process) => [
      ...(this.tables.get(process)?.values() ?? []),
    ]);
    addOwners(this.context, tables, (id) => this.saved.readinessOf(id));
  }

  private once(user: ProcessRebuild, key: string, make: (track: Track) => number): number {
    // In a table that several share, one alone can know which number is the lowest.
    const process = user.owner.files_id;
    let used = this.used.get(process);
    if (!used) {
      used = new Map();
      this.used.set(process, used);
    }
    const known = used.get(key);
    if (known !== undefined) return known;
    const { track } = process;
    const stage = track.stage;
    const fd = make(track.at('make'));
    track.at(stage);
    used.set(key, fd);
    return fd;
  }

  private numbers: { next: number; highest: number } | undefined;

  /** Of all tables: the first number behind the temporary ones, and the last of all. Once the tables are known. */
  private savedNumbers(): { next: number; highest: number } {
    if (this.numbers) return this.numbers;
    let [next, highest] = [Number.MAX_SAFE_INTEGER, 0];
    for (const table of this.tables.values()) {
      for (const number of table.keys()) {
        if (number > this.context.controlFd) next = Math.min(next, number);
        highest = Math.max(highest, number);
      }
    }
    this.numbers = { next, highest };
    return this.numbers;
  }

  private limits: { hard: number; most: number } | undefined;

  /** Our own hard limit on descriptors, which puppets inherit, and the kernel's. */
  private fdLimits(): { hard: number; most: number } {
    if (this.limits) return this.limits;
    const { port } = this.context;
    using scope = port.scope();
    const old_limit = scope.alloc(rlimit64.size);
    port.call(prlimit64, { pid: 0, resource: RLIMIT_NOFILE, new_limit: 0, old_limit });
    const most = Number(port.readText('/proc/sys/fs/nr_open').trim());
    const { rlim_max } = rlimit64.decode(old_limit.bytes);
    const hard = rlim_max > BigInt(most) ? most : Number(rlim_max);
    this.limits = { hard, most };
    return this.limits;
  }
}

/**
 * The busy program of the fault tests, and what "unharmed" and "nothing left behind" mean for it.
 */
import { AssertionError } from 'node:assert';
import { createHash } from 'node:crypto';
import { existsSync, lstatSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { procLink, procText, stateOf, threadsOf, treeOf } from '../support/proc.js';
import { killQuietly, type Program, startProgram } from '../support/program.js';
import { compareSnapshots, type Snapshot, takeSnapshot } from '../support/snapshot.js';
import { tool } from '../support/tool.js';
import { sleep, waitFor } from '../support/wait.js';

export interface Victim {
  program: Program;
  pids: readonly number[];
  snapshot: Snapshot;
  /** How many tasks beat. */
  slots: number;
  /** What the program must find of its own, at any time. */
  look?: () => Promise<void>;
}

/** `flags`: further ones for the compiler. */
export async function startVictim(flags: readonly string[] = []): Promise<Victim> {
  const program = startProgram('faults/busy.c', { args: tool.isCriu ? ['plain'] : [], flags });
  await program.waitReady();
  return { program, pids: program.tree(), snapshot: takeSnapshot(program.pid), slots: 7 };
}

function beatsOf(victim: Victim): bigint[] {
  const bytes = readFileSync(join(victim.program.dir, 'beats'));
  return Array.from({ length: victim.slots }, (_, slot) => bytes.readBigUInt64LE(slot * 8));
}

/** A killed dumper may leave a mapping that nobody uses; these facts then differ. */
const STRAY_MAPPING = [/\/maps\//, /status\.Vm/];
/** A program of 32-bit code that was restored shows a page that it does not have by itself. */
const VSYSCALL = /\/maps\/ffffffffff600000/;

export interface Tolerance {
  /** The tool was killed: it could not take its scratch mapping back. */
  strayMappings: boolean;
}

/** Fails unless every task runs untraced, beats, and shows the state it had. Within ten seconds, on a slow machine. */
export async function mustBeUnharmed(victim: Victim, tolerance: Tolerance): Promise<void> {
  const ignore = [VSYSCALL, ...(tolerance.strayMappings ? STRAY_MAPPING : [])];
  let complaint = '';
  const calm = (): boolean => {
    complaint = complaintAbout(victim, ignore);
    return complaint === '';
  };
  await waitFor('calm', calm, 10_000).catch(() => {
    throw new AssertionError({ message: `The program was harmed: ${complaint}` });
  });
  const before = beatsOf(victim);
  const silent = (): number[] => {
    const now = beatsOf(victim);
    return before.flatMap((beat, slot) => ((now[slot] ?? 0n) > beat ? [] : [slot]));
  };
  await waitFor('a beat of every task', () => silent().length === 0, 10_000).catch(() => {
    throw new AssertionError({ message: `Tasks in slots ${silent().join(' ')} no longer beat` });
  });
  await victim.look?.();
}

const sorted = (pids: readonly number[]): string => [...pids].sort((a, b) => a - b).join(' ');

function complaintAbout({ program, pids, snapshot }: Victim, ignore: readonly RegExp[]): string {
  const now = sorted(program.tree());
  if (now !== sorted(pids)) return `its processes are ${now}, not ${sorted(pids)}`;
  for (const pid of pids) {
    for (const tid of threadsOf(pid)) {
      const state = /^State:\s+(\S)/m.exec(procText(`${pid}/task/${tid}`, 'status') ?? '')?.[1];
      if (state === undefined || 'tTZX'.includes(state)) return `task ${tid} is in state ${state}`;
    }
  }
  // Pending signals come and go between two looks only if somebody sends some: compared like all
  // else.
  return compareSnapshots(snapshot, takeSnapshot(program.pid), ignore).slice(0, 10).join('\n');
}

export const isGone = ({ pids }: Victim): boolean =>
  pids.every((pid) => stateOf(pid) === undefined);

/** Files below a folder with size, mode and content, for comparing before and after. */
export function folderFacts(dir: string, except: readonly string[] = []): Map<string, string> {
  const facts = new Map<string, string>();
  for (const entry of readdirSync(dir, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    const name = path.slice(dir.length + 1);
    if (except.some((prefix) => name === prefix || name.startsWith(`${prefix}/`))) continue;
    const stat = lstatSync(path);
    const content = entry.isFile()
      ? createHash('sha1').update(readFileSync(path)).digest('hex')
      : '';
    facts.set(name, `${stat.mode.toString(8)} ${stat.size} ${content}`);
  }
  return facts;
}

/** What a failed restore must leave as it was. */
export class Surroundings {
  readonly #folders: ReadonlyMap<string, ReadonlyMap<string, string>>;
  readonly #mounts: string;
  readonly #shared = sharedNames();
  readonly #victim: Victim;
  /** What runs below this test already: itself, and what it has started to stand in the way. */
  readonly #running = new Set(treeOf(process.pid));

  constructor(victim: Victim, imagesDir: string, scratchDir: string) {
    this.#victim = victim;
    const own = victim.program.dir;
    this.#mounts = mountsBelow(own);
    // What lies beside the program is covered by name: images and scratch have entries of their
    // own.
    this.#folders = new Map([
      [imagesDir, folderFacts(imagesDir)],
      [scratchDir, folderFacts(scratchDir)],
      [own, this.#ownFacts()],
    ]);
  }

  /** Fails unless all that a restore could have made is gone. Within ten seconds, on a slow machine. */
  async mustBeAsBefore(): Promise<void> {
    await waitFor(
      'the end of all processes of a failed restore',
      () => {
        this.#victim.program.ended();
        const left = this.#victim.pids.filter((pid) => !this.#running.has(pid));
        return isGone({ ...this.#victim, pids: left }) && this.#newcomers().length === 0;
      },
      10_000,
    ).catch(() => {
      const left = this.#newcomers().map((pid) => `${pid} ${procText(pid, 'comm')?.trim()}`);
      throw new AssertionError({
        message: `The failed restore left processes: ${left.join(', ')}`,
      });
    });
    for (const [dir, before] of this.#folders) {
      const now = dir === this.#victim.program.dir ? this.#ownFacts() : folderFacts(dir);
      const changed = compareSnapshots(new Map(before), now);
      if (changed.length > 0) {
        throw new AssertionError({ message: `Files changed in ${dir}: ${changed.join('\n')}` });
      }
    }
    if (mountsBelow(this.#victim.program.dir) !== this.#mounts) {
      throw new AssertionError({ message: 'The failed restore left a mount' });
    }
    const fresh = sharedNames().filter((name) => !this.#shared.includes(name));
    if (fresh.length > 0) {
      throw new AssertionError({ message: `The failed restore left ${fresh.join(', ')}` });
    }
  }

  #newcomers(): number[] {
    return treeOf(process.pid).filter((pid) => !this.#running.has(pid));
  }

  #ownFacts(): Map<string, string> {
    return folderFacts(this.#victim.program.dir, ['images', 'scratch', 'work', 'beats']);
  }
}

/** Others mount and unmount elsewhere; the tool's own scratch folder is here, too. */
const mountsBelow = (dir: string): string =>
  (procText('self', 'mountinfo') ?? '')
    .split('\n')
    .filter((line) => line.includes(` ${dir}/`))
    .join('\n');

/**
 * Names in folders that everybody shares, as far as they can be a checkpoint tool's. (The folder for temporary files is
 * one of the test's own: TMPDIR.)
 */
function sharedNames(): string[] {
  return ['/dev/shm', '/run'].filter(existsSync).flatMap((dir) =>
    readdirSync(dir)
      .filter((name) => /woodfrog|criu|crtools/.test(name))
      .map((name) => join(dir, name)),
  );
}

/** Kills the whole tree and collects it. */
export async function killVictim(victim: Victim): Promise<void> {
  // By their mark or their program: a parent may have been killed before its children, and numbers may be others' by now.
  const name = basename(victim.program.command.split(' ')[0] ?? '');
  const own = victim.pids.filter((pid) => procLink(pid, 'exe')?.includes(`/${name}`));
  for (const pid of [...victim.program.marked(), ...own]) killQuietly(pid);
  await victim.program.mustVanish(victim.pids);
  await sleep(0);
}

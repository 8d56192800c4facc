/**
 * One victim on the bench: its folders, dumps and restores of it, with faults or without, and how to try many things in
 * a bounded time. FAULTS=all tries them all, FAULTS=kinds one of each kind, FAULTS=17 only the 17th.
 */
import { AssertionError } from 'node:assert';
import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { mustSucceed, type ToolOptions, type ToolRun, tool } from '../support/tool.js';
import { mustBeUnharmed, startVictim, type Victim } from './victim.js';

/** What one of the longer tests may take when not all is asked for. */
export const BUDGET_MS = 12_000;

/**
 * Folders of one victim: images of the run under test, the tool's scratch and work folders.
 */
export interface Bench {
  victim: Victim;
  images: string;
  scratch: string;
  work: string;
  /** A killed dump may have left mappings behind, which later images then hold. */
  strays: boolean;
}

export async function newBench(start: () => Promise<Victim> = () => startVictim()): Promise<Bench> {
  const victim = await start();
  const at = (name: string): string => {
    const dir = join(victim.program.dir, name);
    mkdirSync(dir);
    return dir;
  };
  return { victim, images: at('images'), scratch: at('scratch'), work: at('work'), strays: false };
}

/** A bench whose victim is dumped and gone. */
export async function dumpedBench(
  start: () => Promise<Victim> = () => startVictim(),
): Promise<Bench> {
  const b = await newBench(start);
  mustSucceed(await dump(b));
  await b.victim.program.mustVanish(b.victim.pids);
  return b;
}

export interface RunOptions extends ToolOptions {
  /** WOODFROG_FAULT. */
  fault?: string;
  /** WOODFROG_FAULT_COUNT. */
  count?: string;
  args?: readonly string[];
}

function toolOptions(b: Bench, { fault, count, args: _, ...options }: RunOptions): ToolOptions {
  const env = {
    TMPDIR: b.scratch,
    ...(fault === undefined ? {} : { WOODFROG_FAULT: fault }),
    ...(count === undefined ? {} : { WOODFROG_FAULT_COUNT: count }),
  };
  return { env, cwd: b.scratch, ...options };
}

/** Into an empty folder of images. */
export function dump(b: Bench, options: RunOptions = {}): Promise<ToolRun> {
  rmSync(b.images, { recursive: true, force: true });
  return dumpInto(b, b.images, options);
}

export const dumpInto = (b: Bench, dir: string, options: RunOptions = {}): Promise<ToolRun> =>
  tool.attemptDump(
    b.victim.program.pid,
    dir,
    ['-W', b.work, ...(options.args ?? [])],
    toolOptions(b, options),
  );

export const restore = (b: Bench, options: RunOptions = {}): Promise<ToolRun> =>
  restoreFrom(b, b.images, options);

export const restoreFrom = (b: Bench, dir: string, options: RunOptions = {}): Promise<ToolRun> =>
  tool.attemptRestore(dir, ['-W', b.work, ...(options.args ?? [])], toolOptions(b, options));

/** After a dump: all of it comes back, as it was. */
export async function backAgain(b: Bench): Promise<void> {
  await b.victim.program.mustVanish(b.victim.pids);
  mustSucceed(await restore(b));
  await mustBeUnharmed(b.victim, { strayMappings: b.strays });
}

/** The images in a folder, none if it is not there. */
export function imagesIn(dir: string): string[] {
  try {
    return readdirSync(dir).filter((name) => name.endsWith('.img'));
  } catch {
    return [];
  }
}

/**
 * What to try, 1...N, most telling first: one of each kind in turn, each time another one, until all were. Of a kind are
 * those with the same name and the same two before them.
 */
export function* choices(names: readonly string[]): Generator<number> {
  const choice = process.env.FAULTS;
  if (choice !== undefined && /^\d+$/.test(choice)) {
    yield Number(choice);
    return;
  }
  const numbers = names.map((_, i) => i + 1);
  if (choice === 'all') {
    yield* numbers;
    return;
  }
  const kinds = new Map<string, number[]>();
  for (const n of shuffled(numbers)) {
    const kind = names.slice(Math.max(n - 3, 0), n).join(' ');
    kinds.set(kind, [...(kinds.get(kind) ?? []), n]);
  }
  for (let round = 0; kinds.size > 0 && !(choice === 'kinds' && round > 0); round++) {
    for (const [kind, group] of shuffled([...kinds])) {
      const n = group[round];
      if (n === undefined) kinds.delete(kind);
      else yield n;
    }
  }
}

export function shuffled<T>(items: readonly T[]): T[] {
  const keyed = items.map((item) => ({ item, key: Math.random() }));
  return keyed.sort((one, other) => one.key - other.key).map(({ item }) => item);
}

const HARMS_MAX = 20;

/**
 * Tries as many of the things as the time allows; collects what went wrong, each time going on with a fresh victim.
 */
export async function tryEach(
  t: TestContext,
  names: readonly string[],
  { act, renew }: { act: (n: number) => Promise<void>; renew: () => Promise<void> },
): Promise<void> {
  const started = performance.now();
  const count = names.length;
  const harms: string[] = [];
  let done = 0;
  for (const n of choices(names)) {
    try {
      await act(n);
    } catch (error) {
      harms.push(
        `At ${n} of ${count}, ${names[n - 1]} (FAULTS=${n} repeats it): ${(error as Error).message}`,
      );
      if (harms.length >= HARMS_MAX) break;
      await renew();
    }
    done++;
    if (process.env.FAULTS === undefined && performance.now() - started > BUDGET_MS) break;
  }
  t.diagnostic(`${done} of ${count} tried, ${harms.length} harms`);
  if (harms.length > 0) throw new AssertionError({ message: harms.join('\n\n') });
}

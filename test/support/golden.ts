/**
 * The captured image directories: a part of them in test/fixtures/golden, all of them beside the checkout when present.
 * Each image has a `.json` twin, what the format's own decoder makes of it.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../..', import.meta.url));
export const fixturesFolder = join(root, 'test/fixtures');
const captured = join(root, '../shared/golden');
const folder = existsSync(captured) ? captured : join(fixturesFolder, 'golden');

/** The image directories' names: loop, tasks, files, sockets. */
export const goldenSets = ['loop', 'tasks', 'files', 'sockets'] as const;
export type GoldenSet = (typeof goldenSets)[number];

/** Where a set's images are on disk. */
export const goldenFolder = (set: GoldenSet): string => join(folder, set);

/** The images that every checkout has: loop and tasks in part, without page contents. */
export const fixtureFolder = (set: GoldenSet): string => join(fixturesFolder, 'golden', set);

export interface GoldenImage {
  readonly set: GoldenSet;
  readonly name: string;
  readonly bytes: Uint8Array;
  /** The decoded twin's text, when there is one. */
  readonly json: string | undefined;
}

/** Every image with entries, of all sets. */
export function goldenImages(): GoldenImage[] {
  return goldenSets.flatMap((set) =>
    readdirSync(goldenFolder(set))
      .filter(
        (name) => (name.endsWith('.img') && !name.startsWith('pages-')) || name === 'stats-dump',
      )
      .sort()
      .map((name) => ({ set, name, bytes: readGolden(set, name), json: twin(set, name) })),
  );
}

/** A private copy of an image's bytes. */
export const readGolden = (set: GoldenSet, name: string): Uint8Array =>
  Uint8Array.from(readFileSync(join(goldenFolder(set), name)));

function twin(set: GoldenSet, name: string): string | undefined {
  const base = join(goldenFolder(set), name.replace(/\.img$/, '.json'));
  const path = [base, `${base}.golden`].find((candidate) => existsSync(candidate));
  return path === undefined || path === join(goldenFolder(set), name)
    ? undefined
    : readFileSync(path, 'utf8');
}

/** A table of facts about the wire format: 'messages', 'images', 'dictionaries'. */
export function wireTable<T>(name: string): T {
  const shared = join(root, '../shared/wire', `${name}.json`);
  const path = existsSync(shared) ? shared : join(fixturesFolder, 'wire', `${name}.json.golden`);
  return JSON.parse(readFileSync(path, 'utf8')) as T;
}

/** The same sequence each time: xorshift32. */
export function seeded(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

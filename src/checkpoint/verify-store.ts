/** A whole checkpoint, as it lies in a store: every image is read, every reference followed, parent images included. */
import { IMAGES, identifyImage } from '../images/catalogue.js';
import { readImageSet } from '../images/directory.js';
import {
  type PagemapKind,
  type ParentedStore,
  parentChain,
  resolvePages,
} from '../images/parents.js';
import { PAGE_SIZE } from '../support/brand.js';
import { CheckpointError } from '../support/errors.js';
import { storedPages } from './page-facts.js';
import { findProblems } from './verify.js';

/** One thing that is wrong with a checkpoint. */
export interface FoundProblem {
  readonly file: string;
  /** Which part of the image: 'entry 3', 'descriptor 5'. */
  readonly entry?: string;
  /** In bytes from the beginning of the file, where it is known. */
  readonly offset?: number;
  readonly what: string;
}

export interface VerifyReport {
  readonly sound: boolean;
  readonly imageCount: number;
  readonly problems: readonly FoundProblem[];
}

/** Everything that is wrong. Throws only what is no matter of the images: a folder that cannot be read. */
export function verifyStore(store: ParentedStore): VerifyReport {
  const problems: FoundProblem[] = [];
  const broken = new Set<string>();
  const set = readImageSet(store, undefined, (file, error) => {
    broken.add(file);
    problems.push(problemOf(file, error));
  });
  // What a broken image leaves out is not missing: it was said already.
  problems.push(...findProblems(set, storedPages(store)).filter(({ file }) => !broken.has(file)));
  problems.push(...parentProblems(store));
  const imageCount = store.list().filter((name) => identifyImage(name) !== undefined).length;
  return { sound: problems.length === 0, imageCount, problems };
}

/** An image error as a problem: it begins with where in the file it is. */
function problemOf(file: string, error: CheckpointError): FoundProblem {
  const [text, entry, offset, what] =
    /^(?:(entry \d+)(?:, |: ))?(?:byte (\d+): )?(.*)$/s.exec(error.what) ?? [];
  if (text === undefined || what === undefined) return { file, what: error.what };
  return {
    file,
    ...(entry !== undefined && { entry }),
    ...(offset !== undefined && { offset: Number.parseInt(offset, 10) }),
    what,
  };
}

/** Pages that parent images should have: each is there, and its page file is long enough. */
function parentProblems(store: ParentedStore): FoundProblem[] {
  const problems: FoundProblem[] = [];
  const attempt = (file: string, check: () => void) => {
    try {
      check();
    } catch (error) {
      if (!(error instanceof CheckpointError) || error.code !== 'image') throw error;
      problems.push(problemOf(file, error));
    }
  };
  let chain: ParentedStore[] = [];
  attempt('parent', () => {
    chain = parentChain(store);
  });
  if (chain.length < 2) return problems;
  for (const name of store.list().sort()) {
    const found = identifyImage(name);
    const kind = [IMAGES.PAGEMAP, IMAGES.SHMEM_PAGEMAP].find(({ key }) => key === found?.image.key);
    if (kind) attempt(name, () => problems.push(...pageProblems(chain, kind, name)));
  }
  return problems;
}

function pageProblems(
  chain: readonly ParentedStore[],
  kind: PagemapKind,
  file: string,
): FoundProblem[] {
  const id = Number(identifyImage(file)?.id);
  const needed = new Map<string, { level: number; name: string; bytes: number }>();
  for (const { place, pageCount } of resolvePages(chain, kind, id)) {
    // The checkpoint's own page files were looked at with the pagemaps.
    if (!place || place.level === 0) continue;
    const key = `${place.level} ${place.file}`;
    const bytes = Math.max(needed.get(key)?.bytes ?? 0, place.offset + pageCount * PAGE_SIZE);
    needed.set(key, { level: place.level, name: place.file, bytes });
  }
  return [...needed.values()].flatMap(({ level, name, bytes }) => {
    const store = chain[level];
    const reader = store?.open(name);
    reader?.close();
    const size = reader?.size ?? 0;
    if (size >= bytes) return [];
    const what = `needs ${bytes} bytes of ${name} in ${store?.name}, which has ${size}`;
    return [{ file, what }];
  });
}

/** A whole checkpoint, as it lies in a store: every image is read, every reference followed, parent images included. */
import { IMAGES, identifyImage } from '../images/catalogue.js';
import { type ImageSet, readImageSet } from '../images/directory.js';
import { PE_PARENT, type StoredRun } from '../images/pagemap.js';
import {
  type PagemapKind,
  type ParentedStore,
  parentChain,
  resolvePages,
} from '../images/parents.js';
import { PAGE_SIZE } from '../support/brand.js';
import { CheckpointError } from '../support/errors.js';
import { type PageFacts, storedPages } from './page-facts.js';
import { type Problem, problemOf } from './problems.js';
import { brokenCheckpoint, findProblems } from './verify.js';

/** One thing that is wrong with a checkpoint. */
export type FoundProblem = Problem;

export interface VerifyReport {
  readonly sound: boolean;
  readonly imageCount: number;
  readonly problems: readonly FoundProblem[];
}

/** Everything that is wrong. Throws only what is no matter of the images: a folder that cannot be read. */
export function verifyStore(store: ParentedStore): VerifyReport {
  const { problems } = inspectStore(store);
  const imageCount = store.list().filter((name) => identifyImage(name) !== undefined).length;
  return { sound: problems.length === 0, imageCount, problems };
}

/** The entries of a sound checkpoint. Else throws one image error that lists what `verifyStore` finds. */
export function readVerified(store: ParentedStore): ImageSet {
  const { set, problems } = inspectStore(store);
  if (problems.length > 0) throw brokenCheckpoint(problems);
  return set;
}

function inspectStore(store: ParentedStore): { set: ImageSet; problems: FoundProblem[] } {
  const problems: FoundProblem[] = [];
  const broken = new Set<string>();
  const set = readImageSet(store, undefined, (file, error) => {
    broken.add(file);
    problems.push(problemOf(file, error));
  });
  const referring = new Set<string>();
  const pages = noting(storedPages(store), referring);
  // What a broken image leaves out is not missing: it was said already.
  for (const problem of findProblems(set, pages)) {
    if (!broken.has(problem.file)) problems.push(problem);
  }
  for (const problem of parentProblems(store, referring)) problems.push(problem);
  return { set, problems };
}

/** The same, noting the pagemaps that refer to parent images. */
const noting = (pages: PageFacts, referring: Set<string>): PageFacts => ({
  ...pages,
  withPagemap: (image, file, use) =>
    pages.withPagemap(image, file, (pagemap) => {
      function* runs(): Generator<StoredRun, void> {
        for (const run of pagemap.runs) {
          if (run.flags & PE_PARENT) referring.add(file);
          yield run;
        }
      }
      use({ ...pagemap, runs: runs() });
    }),
});

/**
 * Pages that parent images should have: each is there, and its page file is long enough. Without a parent, it is enough
 * to look at the pagemaps that refer to one.
 */
function parentProblems(store: ParentedStore, referring: ReadonlySet<string>): FoundProblem[] {
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
  if (chain.length === 0) return problems;
  for (const name of chain.length < 2 ? referring : store.list().sort()) {
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

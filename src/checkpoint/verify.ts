/**
 * Whether the images of a checkpoint fit together: every reference leads somewhere, nothing is twice, values are ones
 * that a kernel can have. Pure. It is run before a checkpoint is written and after one is read: what passes can still
 * hold objects that cannot be restored (`unsupportedEntries`) or not fit this host, but is not broken.
 */
import type { ImageSet } from '../images/directory.js';
import { type CheckpointError, imageError } from '../support/errors.js';
import type { PageFacts } from './page-facts.js';
import { Inspection, listProblems, type Problem, problemBody } from './problems.js';
import { indexFiles, verifyFiles } from './verify-files.js';
import { verifyMemory } from './verify-memory.js';
import { verifyPages } from './verify-pages.js';
import { verifyThreads } from './verify-threads.js';
import { verifyClocks, verifyInventory, verifyTree } from './verify-tree.js';

/** Everything that is wrong. Without `pages` (none are written yet), nothing is said about them. */
export function findProblems(set: ImageSet, pages?: PageFacts): Problem[] {
  const inspection = new Inspection(set, pages);
  verifyInventory(inspection);
  verifyClocks(inspection);
  const tree = verifyTree(inspection);
  const files = indexFiles(inspection);
  verifyThreads(inspection, tree);
  verifyFiles(inspection, { tree, files });
  const memory = verifyMemory(inspection, { tree, files });
  if (pages) verifyPages(inspection, pages, memory);
  return inspection.problems;
}

/** Throws one image error that lists what is wrong: the first 20, and how many more there are. */
export function verifyCheckpoint(set: ImageSet, pages?: PageFacts): void {
  const problems = findProblems(set, pages);
  if (problems.length > 0) throw brokenCheckpoint(problems);
}

/** One image error that lists them. */
export function brokenCheckpoint(problems: readonly Problem[]): CheckpointError {
  const remedy = 'copy the whole checkpoint again from where it was written, or dump anew';
  const [first] = problems;
  if (first && problems.length === 1) {
    return imageError(problemBody(first), { object: first.file, remedy });
  }
  return imageError(`it is broken in ${listProblems(problems)}`, {
    object: 'the checkpoint',
    remedy,
  });
}

/** The kinds of open files that are saved and restored: one line each. */
import type { FileKind } from '../kinds.js';
import { fifo } from './fifo.js';
import { pipe } from './pipe.js';
import { regularFile } from './regular.js';

export const FILE_KINDS: readonly FileKind[] = [regularFile, pipe, fifo];

/** `woodfrog/images`: checkpoints as data. Reads, checks and edits image folders; needs no privileges, no native code. */
export type { FoundProblem, VerifyReport } from '../checkpoint/verify-store.js';
export { IMAGES } from '../images/catalogue.js';
export type { Image, ImageId } from '../images/image.js';
export { PE_LAZY, PE_PARENT, PE_PRESENT } from '../images/pagemap.js';
export type { PagePlace, ResolvedRun } from '../images/parents.js';
export { UNKNOWN_FIELDS } from '../images/schema.js';
export { CheckpointError, type ErrorCode, type ErrorContext } from '../support/errors.js';
export {
  Checkpoint,
  type EntryOf,
  type IdOf,
  openCheckpoint,
  type StoredEntry,
} from './checkpoint.js';
export {
  type CoreEntry,
  type Descriptor,
  type FileEntry,
  type Mapping,
  type MmEntry,
  Task,
} from './task.js';

/** `woodfrog verify DIR`: everything that is wrong with a checkpoint. A restore runs the same checks before it begins. */
import { verifyStore } from '../checkpoint/verify-store.js';
import { FolderStore } from '../folder/store.js';
import type { ImagesOptions } from '../options/image-types.js';
import { within } from '../support/errors.js';
import type { VerifyReport } from './image-types.js';

export const verify = ({ imagesDir }: ImagesOptions): VerifyReport =>
  within({ doing: 'verify' }, () => verifyStore(new FolderStore(imagesDir)));

/** What is said of a descriptor that a caller names and does not have. */
import { type CheckpointError, usage } from './errors.js';

export const notOpen = ({ fd, resource }: { fd: number; resource: string }): CheckpointError =>
  usage(`descriptor ${fd}, which is to stand for '${resource}', is not open`, {
    doing: 'restore',
    remedy: `open it for woodfrog: woodfrog restore ... ${fd}<>FILE, in a shell`,
  });

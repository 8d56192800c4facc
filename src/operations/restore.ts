import { bug } from '../support/errors.js';
import type { Restore } from './types.js';

export const restore: Restore = () => {
  throw bug('The operation is not built yet', { doing: 'restore' });
};

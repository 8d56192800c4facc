import { bug } from '../support/errors.js';
import type { Dump } from './types.js';

export const dump: Dump = () => {
  throw bug('The operation is not built yet', { doing: 'dump' });
};

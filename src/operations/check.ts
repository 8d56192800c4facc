import { bug } from '../support/errors.js';
import type { Check } from './types.js';

export const check: Check = () => {
  throw bug('The operation is not built yet', { doing: 'check' });
};

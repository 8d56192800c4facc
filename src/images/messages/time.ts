/** struct timeval. */
import { message, required, word } from '../schema.js';

export const timeval = message('timeval', () => ({
  tv_sec: required(1, word),
  tv_usec: required(2, word),
}));

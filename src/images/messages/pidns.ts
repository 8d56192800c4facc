/** A pid namespace. */
import { message, optional, string } from '../schema.js';

export const pidns_entry = message('pidns_entry', () => ({
  ext_key: optional(1, string),
}));

/** An interpreter registered with binfmt_misc, as its file below /proc/sys/fs/binfmt_misc says. */
import { bool, int32, message, optional, required, string } from '../schema.js';

export const binfmt_misc_entry = message('binfmt_misc_entry', () => ({
  name: required(1, string),
  enabled: required(2, bool),
  interpreter: required(3, string),
  flags: optional(4, string),
  extension: optional(5, string),
  magic: optional(6, string),
  mask: optional(7, string),
  offset: optional(8, int32),
}));

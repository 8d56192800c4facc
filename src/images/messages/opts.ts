/** The options that field declarations of the wire format carry, themselves a message there. */
import { bool, message, optional, string } from '../schema.js';

export const CRIU_Opts = message('CRIU_Opts', () => ({
  hex: optional(1, bool),
  ipadd: optional(2, bool),
  flags: optional(3, string),
  dev: optional(4, bool),
  odev: optional(5, bool),
  dict: optional(6, string),
  conv: optional(7, string),
}));

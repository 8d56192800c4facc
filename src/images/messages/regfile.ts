/** An open file or directory. `pos` is a raw word: ext4 gives directories 64-bit hash positions, all ones but the sign at their end. */
import {
  bool,
  message,
  optional,
  repeated,
  required,
  sint32,
  string,
  uint32,
  uint64,
  word,
} from '../schema.js';
import { fown_entry } from './fown.js';

export const reg_file_entry = message('reg_file_entry', () => ({
  id: required(1, uint32),
  flags: required(2, uint32, { flags: 'rfile.flags' }),
  pos: required(3, uint64),
  fown: required(5, fown_entry),
  name: required(6, string),
  mnt_id: optional(7, sint32, { default: '-1' }),
  size: optional(8, word),
  ext: optional(9, bool),
  mode: optional(10, uint32),
  build_id: repeated(11, uint32),
  checksum: optional(12, uint32),
  checksum_config: optional(13, uint32),
  checksum_parameter: optional(14, uint32),
  /** Of a device file: its number, as stat(2) has it. */
  rdev: optional(20000, uint64),
}));

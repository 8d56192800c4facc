/** A descriptor of a namespace (/proc/PID/ns/*). */
import { message, required, uint32 } from '../schema.js';

export const ns_file_entry = message('ns_file_entry', () => ({
  id: required(1, uint32),
  ns_id: required(2, uint32),
  ns_cflag: required(3, uint32),
  flags: required(4, uint32),
}));

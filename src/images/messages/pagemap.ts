/** Which pages are saved: a head that names the page file, then runs in address order. */
import { bool, message, optional, required, uint32, word } from '../schema.js';

export const pagemap_head = message('pagemap_head', () => ({
  pages_id: required(1, uint32),
}));

export const pagemap_entry = message('pagemap_entry', () => ({
  vaddr: required(1, word, { hex: true }),
  compat_nr_pages: required(2, uint32),
  in_parent: optional(3, bool),
  flags: optional(4, uint32, { flags: 'pmap.flags' }),
  nr_pages: optional(5, word),
}));

/** Figures of a dump or restore: times in microseconds, counts in pages. */
import { message, optional, required, uint32, word } from '../schema.js';

export const dump_stats_entry = message('dump_stats_entry', () => ({
  freezing_time: required(1, uint32),
  frozen_time: required(2, uint32),
  memdump_time: required(3, uint32),
  memwrite_time: required(4, uint32),
  pages_scanned: required(5, word),
  pages_skipped_parent: required(6, word),
  pages_written: required(7, word),
  irmap_resolve: optional(8, uint32),
  pages_lazy: required(9, word),
  page_pipes: optional(10, word),
  page_pipe_bufs: optional(11, word),
  shpages_scanned: optional(12, word),
  shpages_skipped_parent: optional(13, word),
  shpages_written: optional(14, word),
}));

export const restore_stats_entry = message('restore_stats_entry', () => ({
  pages_compared: required(1, word),
  pages_skipped_cow: required(2, word),
  forking_time: required(3, uint32),
  restore_time: required(4, uint32),
  pages_restored: optional(5, word),
}));

export const stats_entry = message('stats_entry', () => ({
  dump: optional(1, dump_stats_entry),
  restore: optional(2, restore_stats_entry),
}));

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { dumpStatsText, restoreStatsText } from './stats.js';

test('statistics are printed in the words callers parse', () => {
  const dump = dumpStatsText({
    freezing_time: 1,
    frozen_time: 2,
    memdump_time: 3,
    memwrite_time: 4,
    pages_scanned: 16,
    pages_skipped_parent: 0,
    pages_written: 10,
    pages_lazy: 0,
    irmap_resolve: 0,
  });
  assert.equal(
    dump,
    'Displaying dump stats:\nFreezing time: 1 us\nFrozen time: 2 us\nMemory dump time: 3 us\n' +
      'Memory write time: 4 us\nIRMAP resolve time: 0 us\nMemory pages scanned: 16 (0x10)\n' +
      'Memory pages skipped from parent: 0 (0x0)\nMemory pages written: 10 (0xa)\nLazy memory pages: 0 (0x0)\n',
  );
  const restore = restoreStatsText({
    pages_compared: 0,
    pages_skipped_cow: 0,
    pages_restored: 255,
    restore_time: 7,
    forking_time: 8,
  });
  assert.equal(
    restore,
    'Displaying restore stats:\nPages compared: 0 (0x0)\nPages skipped COW: 0 (0x0)\n' +
      'Pages restored: 255 (0xff)\nRestore time: 7 us\nForking time: 8 us\n',
  );
});

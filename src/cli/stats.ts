/** The statistics as `--display-stats` prints them: the wording is CRIU's, callers parse it. Pure. */
import type { DumpStats, RestoreStats } from '../operations/types.js';

const micros = (label: string, value = 0): string => `${label}: ${value} us`;
const count = (label: string, value = 0): string => `${label}: ${value} (0x${value.toString(16)})`;

export const dumpStatsText = (stats: DumpStats): string =>
  lines([
    'Displaying dump stats:',
    micros('Freezing time', stats.freezing_time),
    micros('Frozen time', stats.frozen_time),
    micros('Memory dump time', stats.memdump_time),
    micros('Memory write time', stats.memwrite_time),
    ...(stats.irmap_resolve === undefined
      ? []
      : [micros('IRMAP resolve time', stats.irmap_resolve)]),
    count('Memory pages scanned', stats.pages_scanned),
    count('Memory pages skipped from parent', stats.pages_skipped_parent),
    count('Memory pages written', stats.pages_written),
    count('Lazy memory pages', stats.pages_lazy),
  ]);

export const restoreStatsText = (stats: RestoreStats): string =>
  lines([
    'Displaying restore stats:',
    count('Pages compared', stats.pages_compared),
    count('Pages skipped COW', stats.pages_skipped_cow),
    ...(stats.pages_restored === undefined ? [] : [count('Pages restored', stats.pages_restored)]),
    micros('Restore time', stats.restore_time),
    micros('Forking time', stats.forking_time),
  ]);

const lines = (parts: readonly string[]): string => `${parts.join('\n')}\n`;

/** What an operation leaves in the work folder beside the log: the pidfile and the statistics. */
import { writeFileSync } from 'node:fs';
import type { Host } from '../host/host.js';
import { HostImageStore } from '../host/image-store.js';
import { IMAGES } from '../images/catalogue.js';
import { writeImage } from '../images/directory.js';
import { imageName } from '../images/image.js';
import { refused } from '../support/errors.js';
import type { DumpStats, RestoreStats } from './types.js';

/** Creates the file: one that is there already is an error, as criu(8) says. */
export function writePidfile(path: string | undefined, pid: number): void {
  if (path === undefined) return;
  try {
    writeFileSync(path, `${pid}`, { flag: 'wx' });
  } catch (error) {
    const errno = (error as NodeJS.ErrnoException).code ?? 'EIO';
    throw refused(`the pidfile '${path}' cannot be written: ${errno}`, {
      errno,
      remedy: errno === 'EEXIST' ? 'remove it first' : 'name another by --pidfile',
    });
  }
}

export function writeDumpStats(host: Host, workDir: string, dump: DumpStats): void {
  using store = new HostImageStore(host, workDir, { sync: false });
  writeImage(store, imageName(IMAGES.STATS, 'dump'), IMAGES.STATS, [{ value: { dump } }]);
}

export function writeRestoreStats(host: Host, workDir: string, restore: RestoreStats): void {
  using store = new HostImageStore(host, workDir, { sync: false });
  writeImage(store, imageName(IMAGES.STATS, 'restore'), IMAGES.STATS, [{ value: { restore } }]);
}

/** What an operation leaves in the work folder beside the log: the pidfile and the statistics. */
import { closeSync, openSync, rmSync, writeFileSync } from 'node:fs';
import type { Host } from '../host/host.js';
import { HostImageStore } from '../host/image-store.js';
import { IMAGES } from '../images/catalogue.js';
import { writeImage } from '../images/directory.js';
import { imageName } from '../images/image.js';
import { refused } from '../support/errors.js';
import type { DumpStats, RestoreStats } from './types.js';
import type { Undo } from './undo.js';

/** Creates the file: one that is there already is an error, as criu(8) says. */
export function writePidfile(path: string | undefined, pid: number, undo: Undo): void {
  if (path === undefined) return;
  try {
    // Opened first: one that could only be created goes, too.
    const fd = openSync(path, 'wx');
    undo.add(() => rmSync(path, { force: true }));
    try {
      writeFileSync(fd, `${pid}`);
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    const errno = (error as NodeJS.ErrnoException).code ?? 'EIO';
    throw refused(`the pidfile '${path}' cannot be written: ${errno}`, {
      errno,
      remedy: errno === 'EEXIST' ? 'remove it first' : 'name another by --pidfile',
    });
  }
}

type Statistics = { dump: DumpStats } | { restore: RestoreStats };

/** Writes stats-dump or stats-restore. */
export function writeStats(host: Host, workDir: string, value: Statistics, undo: Undo): void {
  using store = new HostImageStore(host, workDir, { sync: false });
  const name = imageName(IMAGES.STATS, 'dump' in value ? 'dump' : 'restore');
  undo.add(() => rmSync(`${workDir}/${name}`, { force: true }));
  writeImage(store, name, IMAGES.STATS, [{ value }]);
}

/** `--close FD`: closes descriptors that the caller let us inherit. */
import { closeSync, readFileSync } from 'node:fs';

/** include/uapi/asm-generic/fcntl.h, as in fdinfo's octal flags. */
const O_CLOEXEC = 0o2000000;

/**
 * Closes what was inherited; Node's own descriptors, which exist without the caller's knowledge, are not touched.
 * Returns the numbers that were not open, from the caller's point of view.
 */
export function closeInherited(fds: readonly number[]): number[] {
  return fds.filter((fd) => {
    if (!isInherited(fd)) return true;
    closeSync(fd);
    return false;
  });
}

// An inherited descriptor lacks close-on-exec, or exec(2) would have closed it. Node sets it on all of its own.
function isInherited(fd: number): boolean {
  try {
    const flags = /^flags:\s*([0-7]+)/m.exec(
      readFileSync(`/proc/self/fdinfo/${fd}`, 'latin1'),
    )?.[1];
    return flags !== undefined && (Number.parseInt(flags, 8) & O_CLOEXEC) === 0;
  } catch {
    return false;
  }
}

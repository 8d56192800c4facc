/** `--close FD`: closes descriptors that the caller let us inherit. */
import { closeSync, readdirSync, readlinkSync } from 'node:fs';

const OWN_FDS = '/proc/self/fd';

/**
 * Closes what was inherited; Node's own descriptors, which exist without the caller's knowledge and without which it
 * would abort, are not touched. Returns the numbers that were not closed.
 */
export function closeInherited(fds: readonly number[]): number[] {
  if (fds.length === 0) return [];
  const links = readdirSync(OWN_FDS).map((name) => [name, linkOf(name)] as const);
  return fds.filter((fd) => {
    const link = links.find(([name]) => name === String(fd))?.[1];
    if (link === undefined || mayBelongToNode(link, links)) return true;
    closeSync(fd);
    return false;
  });
}

/** Undefined for a descriptor that is not open any more: the one that listed the folder. */
function linkOf(name: string): string | undefined {
  try {
    return readlinkSync(`${OWN_FDS}/${name}`);
  } catch {
    return undefined;
  }
}

// Close-on-exec tells nothing: libuv sets it on inherited descriptors, too. What Node 20 opens for itself is event
// polls, event counters, pipes with both ends here, and /dev/null; such a thing stays open even if it was inherited.
function mayBelongToNode(
  link: string,
  links: readonly (readonly [string, string | undefined])[],
): boolean {
  if (link === '/dev/null' || /^anon_inode:\[(eventpoll|eventfd|io_uring)\]$/.test(link))
    return true;
  return link.startsWith('pipe:') && links.filter(([, other]) => other === link).length > 1;
}

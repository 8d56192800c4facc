/** Descriptors that the caller let us inherit: `--close FD`, `--inherit-fd fd[N]:RESOURCE`. */
import { closeSync, fstatSync, openSync, readdirSync, readlinkSync } from 'node:fs';
import { notOpen } from '../support/not-open.js';

const OWN_FDS = '/proc/self/fd';

/**
 * Closes what was inherited; Node's own descriptors, which exist without the caller's knowledge and without which it
 * would abort, are not touched. Returns the numbers that were not closed.
 */
export function closeInherited(fds: readonly number[]): number[] {
  if (fds.length === 0) return [];
  const isInherited = inheritedByLook();
  return fds.filter((fd) => {
    if (!isInherited(fd)) return true;
    closeSync(fd);
    return false;
  });
}

type Given = readonly { readonly fd: number; readonly resource: string }[];

/**
 * Refuses a descriptor that the caller did not open: something of Node's may have its number. `environment` has the
 * numbers that were open before Node was, if woodfrog's start script noted them: they are taken out of it.
 */
export function verifyInherited(given: Given, environment: NodeJS.ProcessEnv): void {
  const noted = environment[NOTED];
  delete environment[NOTED];
  if (given.length === 0) return;
  const numbers = noted?.split(' ');
  const byLook = inheritedByLook();
  const isInherited = (fd: number): boolean =>
    numbers ? numbers.includes(String(fd)) : fd < STANDARD_FDS || byLook(fd);
  for (const one of given) if (!isInherited(one.fd)) throw notOpen(one);
}

const NOTED = 'WOODFROG_DESCRIPTORS';
const STANDARD_FDS = 3;

/** The tree has them now: who waits for an end of them must not wait for us. */
export function closeHandedIn(given: Given): void {
  for (const fd of new Set(given.map((one) => one.fd))) if (fd >= STANDARD_FDS) closeSync(fd);
}

/**
 * When Node ends, it sets terminals that are descriptors 0 to 2 to the modes they had when it began: after a restore
 * they are the program's. What is another file by then it leaves alone. None may be closed: koffi writes to descriptor 2
 * when it ends, and waits for ever for a lock of its own if that fails.
 */
export function leaveTerminals(): void {
  for (let fd = 0; fd < STANDARD_FDS; fd++) if (isDevice(fd)) replace(fd);
}

function isDevice(fd: number): boolean {
  try {
    return fstatSync(fd).isCharacterDevice();
  } catch {
    return false;
  }
}

/** By /dev/null: a file that is opened gets the lowest number that is free. */
function replace(fd: number): void {
  closeSync(fd);
  for (let opened = -1; opened < fd; ) opened = openSync('/dev/null', 'r+');
}

/** What is open and does not look like Node's own. */
function inheritedByLook(): (fd: number) => boolean {
  const links = readdirSync(OWN_FDS).map((name) => [name, linkOf(name)] as const);
  return (fd) => {
    const link = links.find(([name]) => name === String(fd))?.[1];
    return link !== undefined && !mayBelongToNode(link, links);
  };
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

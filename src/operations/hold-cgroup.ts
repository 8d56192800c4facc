/** --freeze-cgroup: the cgroup that is held frozen while the tree is seized. */
import { realpathSync } from 'node:fs';
import { Hierarchies } from '../objects/cgroups/hierarchies.js';
import { refused } from '../support/errors.js';
import { CgroupHold } from '../tracer/cgroup-hold.js';
import type { Session } from './session.js';

export function holdCgroup(session: Session, path: string | undefined): CgroupHold | undefined {
  if (path === undefined) return undefined;
  const folder = realFolder(path);
  refuseOwn(session, folder);
  const { host, stubs, interrupts } = session;
  return new CgroupHold(host, { folder, stubs, interrupts });
}

function realFolder(path: string): string {
  try {
    return realpathSync(path);
  } catch (cause) {
    const errno = (cause as NodeJS.ErrnoException).code ?? 'EIO';
    throw refused(`'${path}': ${errno}`, { object: 'cgroup freezer', errno, cause });
  }
}

/** Who freezes himself does not thaw anything any more. */
function refuseOwn({ port }: Session, folder: string): void {
  const hierarchies = new Hierarchies(port, port.options.cgroups);
  for (const member of hierarchies.own) {
    if (!`${ownFolder(hierarchies, member)}/`.startsWith(`${folder}/`)) continue;
    throw refused(`woodfrog itself is in '${folder}'`, {
      object: 'cgroup freezer',
      remedy: 'start it in another cgroup',
    });
  }
}

/** '' on a hierarchy that is not mounted where we see it: then it is not the one that was named, either. */
function ownFolder(hierarchies: Hierarchies, member: Hierarchies['own'][0]): string {
  try {
    return realpathSync(hierarchies.folderOf(member));
  } catch {
    return '';
  }
}

/** The 16 resource limits of a process. getrlimit(2). Read from /proc, which needs no privilege. */
import { CAP_SYS_RESOURCE, hasCapability } from '../../linux/capability.js';
import { type Limit, parseLimits } from '../../linux/procfs/limits.js';
import { RLIM_INFINITY, RLIM_NLIMITS, RLIMIT_NOFILE, rlimitName } from '../../linux/resource.js';
import { prlimit64 } from '../../linux/syscalls/tasks.js';
import { imageError, refused } from '../../support/errors.js';
import { defineTaskState } from '../kinds.js';
import { readNumber } from '../own-task.js';
import type { KernelPort } from '../ports.js';

export const resourceLimits = defineTaskState<Limit[]>({
  name: 'resource limits',
  scope: 'process',
  observe: (port, { process }) => parseLimits(port.readText(`/proc/${process.task}/limits`)),
  inspect: ({ seen }) => ({
    tc: { rlimits: { rlimits: seen.map(({ soft, hard }) => ({ cur: soft, max: hard })) } },
  }),
  rebuild({ core, track }, { port }) {
    const limits = core.tc?.rlimits?.rlimits ?? [];
    if (limits.length > RLIM_NLIMITS) {
      throw imageError(`the image has ${limits.length} resource limits, not ${RLIM_NLIMITS}`);
    }
    // Late, as memory, descriptors and queued signals may exceed a limit that was lowered after they came to be.
    track.at('credentials');
    limits.forEach(({ cur, max }, resource) => {
      const own = port.own.limits[resource];
      if (own?.soft === cur && own.hard === max) return;
      verifyAllowed(port, resource, max);
      track.call(prlimit64, {
        pid: 0,
        resource,
        new_limit: { rlim_cur: cur, rlim_max: max },
        old_limit: 0,
      });
    });
  },
});

/** Throws when the hard limit cannot be had. */
function verifyAllowed(port: KernelPort, resource: number, hard: bigint): void {
  const { limits, puppetCapabilities } = port.own;
  const own = limits[resource]?.hard ?? RLIM_INFINITY;
  if (hard <= own) return;
  const name = rlimitName(resource);
  if (!hasCapability(puppetCapabilities.effective, CAP_SYS_RESOURCE)) {
    throw refused(`its hard limit ${name} is ${show(hard)}, woodfrog's own is ${show(own)}`, {
      remedy: `run woodfrog with CAP_SYS_RESOURCE, or with ${name} raised`,
    });
  }
  if (resource !== RLIMIT_NOFILE) return;
  const most = readNumber(port, '/proc/sys/fs/nr_open');
  if (most !== undefined && hard > BigInt(most)) {
    throw refused(`its hard limit ${name} is ${show(hard)}, above fs.nr_open, ${most}`, {
      remedy: `sysctl fs.nr_open=${show(hard)}`,
    });
  }
}

const show = (limit: bigint): string => (limit === RLIM_INFINITY ? 'unlimited' : String(limit));

/**
 * Kinds of open files that are recognised and not saved yet: refused by name. When one becomes supported, its row goes
 * and a kind of its own comes.
 */
import { decodeDev } from '../../linux/procfs/devices.js';
import { S_IFBLK, S_IFCHR } from '../../linux/uapi/fcntl.js';
import { toNumber } from '../../support/bytes.js';
import { type CheckpointError, unsupported } from '../../support/errors.js';
import type { DescriptionView, FileDiscriminant } from '../kinds.js';

export interface RefusedKind {
  /** The object in error texts: 'eventfd 7 of pid 12'. */
  readonly name: string;
  readonly recognize: readonly FileDiscriminant[];
  /** What cannot be saved; a sentence about the one at hand. */
  readonly what: (description: DescriptionView) => string;
  readonly remedy: string;
}

const CLOSE = 'close it before the checkpoint';

const anonymous = (name: string, plural: string, ...anonInodes: string[]): RefusedKind => ({
  name,
  recognize: anonInodes.map((anonInode) => ({ anonInode })),
  what: () => `${plural} are not saved yet`,
  remedy: CLOSE,
});

const quoted = ({ named, target }: DescriptionView): string => `'${named?.name ?? target}'`;

const device = ({ stat }: DescriptionView): string => {
  const { major, minor } = decodeDev(toNumber(stat.rdev));
  return `${major}:${minor}`;
};

export const REFUSED_KINDS: readonly RefusedKind[] = [
  anonymous('io_uring', 'io_uring rings', '[io_uring]'),
  anonymous('userfaultfd', 'userfaultfds', '[userfaultfd]'),
  anonymous('perf event', 'perf events', '[perf_event]'),
  anonymous('BPF program', 'BPF programs and links', 'bpf-prog', 'bpf-link', 'bpf_link', 'btf'),
  anonymous('seccomp notifier', 'seccomp notifiers', 'seccomp notify'),
  anonymous('Landlock ruleset', 'Landlock rulesets', '[landlock-ruleset]'),
  anonymous('fs-context', 'contexts of a mount to be (fsopen)', '[fscontext]'),
  anonymous('KVM object', 'KVM objects', 'kvm-vm', 'kvm-vcpu:0'),
  anonymous('sync file', 'fences (sync_file)', 'sync_file'),
  {
    name: 'socket',
    recognize: [{ pseudo: 'socket' }],
    what: () => 'sockets are not saved yet',
    remedy: CLOSE,
  },
  {
    name: 'namespace file',
    recognize: [
      ...['mnt', 'net', 'ipc', 'uts', 'pid', 'user', 'cgroup', 'time'],
      ...['pid_for_children', 'time_for_children'],
    ].map((pseudo) => ({ pseudo })),
    what: ({ target }) => `namespace files are not saved yet, like '${target}'`,
    remedy: CLOSE,
  },
  {
    name: 'autofs device',
    recognize: [{ fileType: S_IFCHR, device: [10, 235] }],
    what: (description) =>
      `${quoted(description)} is how an automounter (autofs) talks to the kernel`,
    remedy: CLOSE,
  },
  {
    name: 'character device',
    recognize: [{ fileType: S_IFCHR }],
    what: (description) =>
      `${quoted(description)} (character device ${device(description)}) has state that only its driver knows`,
    remedy: CLOSE,
  },
  {
    name: 'block device',
    recognize: [{ fileType: S_IFBLK }],
    what: (description) =>
      `${quoted(description)} (block device ${device(description)}) is not saved yet`,
    remedy: CLOSE,
  },
];

/** The error for a description of a refused kind; `detail` says more about the one at hand. */
export function refusalOf(
  kind: RefusedKind | undefined,
  description: DescriptionView,
  detail = '',
): CheckpointError {
  if (kind === undefined) {
    return unsupported(`'${description.target}' is of a kind that woodfrog does not know`, {
      object: 'descriptor',
      remedy: CLOSE,
    });
  }
  return unsupported(kind.what(description) + detail, { object: kind.name, remedy: kind.remedy });
}

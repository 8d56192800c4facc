/**
 * pidfd_open(2): fdinfo shows the pid, or -1 when the process has ended and was reaped. The number of a pidfd's inode
 * tells processes apart (Linux 6.9); a restored process has another one.
 */
import { fd_types } from '../../images/messages/fdinfo.js';
import type { pidfd_entry } from '../../images/messages/pidfd.js';
import type { MessageValue } from '../../images/schema.js';
import { pidfdGetfd, pidfdOpen } from '../../linux/syscalls/tasks.js';
import { O_ACCMODE, O_EXCL, O_NONBLOCK } from '../../linux/uapi/fcntl.js';
import { toNumber } from '../../support/bytes.js';
import { unsupported } from '../../support/errors.js';
import { type DescriptionView, defineFileKind, type TreeFiles } from '../kinds.js';
import type { DumpPort } from '../ports.js';
import { commonFields, setFlags } from './anonymous.js';

type PidfdEntry = MessageValue<typeof pidfd_entry>;

/** linux/pidfd.h; Linux 5.10 and 6.9. */
const PIDFD_NONBLOCK = O_NONBLOCK;
const PIDFD_THREAD = O_EXCL;
/** Of a process that is gone. */
const NOBODY = -1;

/** The pid inside the tree; NOBODY for a process that is gone. */
function observe(_: DumpPort, [view]: readonly DescriptionView[], tree: TreeFiles): number {
  const { fdinfo } = view as DescriptionView;
  const pid = fdinfo.dec('Pid');
  if (pid === NOBODY) return pid;
  const process = tree.processes.find((one) => one.pid === pid);
  if (process) return process.vpid;
  if (tree.processes.some(({ threads }) => threads.some(({ tid }) => tid === pid))) {
    throw unsupported(`it is of a thread, ${pid}, and no process: that is not saved yet`, {
      remedy: 'close it before the checkpoint',
    });
  }
  throw unsupported(`it is of process ${pid}, which is outside the tree`, {
    remedy: 'close it before the checkpoint, or checkpoint a tree that holds both',
  });
}

export const pidfd = defineFileKind<PidfdEntry, number, Map<number, number>>({
  name: 'pidfd',
  fdType: fd_types.PIDFD,
  unionField: 'pidfd',
  recognize: [{ anonInode: '[pidfd]' }],
  observe,
  inspect({ id, description, seen }) {
    const common = commonFields(id, description);
    const ino = toNumber(BigInt.asUintN(32, description.stat.ino));
    return { entry: { ...common, flags: common.flags & ~O_ACCMODE, ino, nspid: seen } };
  },
  resourceOf: ({ id, ino, nspid }) => (nspid === NOBODY ? `ended ${ino}` : `pidfd ${id}`),
  make({ entries, context }) {
    const ended = entries.filter(({ nspid }) => nspid === NOBODY);
    if (ended.length === 0) return new Map();
    const fds = context.hostEndedPidfds(ended.length);
    return new Map(ended.map(({ id }, i) => [id, fds[i] ?? -1]));
  },
  open({ entry: { id, flags, nspid }, process: { track }, made, context }) {
    const object = `pidfd ${id}`;
    const targetfd = made.get(id);
    const pidfdFlags = flags & (PIDFD_NONBLOCK | PIDFD_THREAD);
    const fd =
      targetfd === undefined
        ? track.newFd(pidfdOpen, { pid: nspid, flags: pidfdFlags }, { object })
        : track.newFd(pidfdGetfd, { pidfd: context.controlFd, targetfd, flags: 0 }, { object });
    setFlags(track, fd, flags & ~PIDFD_THREAD, object);
    return fd;
  },
});

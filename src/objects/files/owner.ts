/** Who gets SIGIO, or another signal, when a description is ready: F_SETOWN, F_SETOWN_EX, F_SETSIG; as fown_entry. */
import type { ProcessView } from '../../checkpoint/views.js';
import type { fown_entry } from '../../images/messages/fown.js';
import type { MessageValue } from '../../images/schema.js';
import { fcntl, fcntlPtr } from '../../linux/syscalls/files.js';
import {
  F_GETOWN_EX,
  F_GETOWNER_UIDS,
  F_GETSIG,
  F_OWNER_PGRP,
  F_OWNER_TID,
  f_owner_ex,
  f_owner_uids,
} from '../../linux/uapi/fcntl.js';
import { external } from '../../support/errors.js';
import type { DumpPort } from '../ports.js';

export type FownEntry = MessageValue<typeof fown_entry>;

/** Of a description: its pid is one of ours. Undefined when it has neither owner nor signal. */
export function observeOwner(port: DumpPort, task: number, fd: number): FownEntry | undefined {
  const taken = port.take(task, fd);
  try {
    using scope = port.scope();
    const arg = scope.alloc(f_owner_ex.size);
    port.call(fcntlPtr, { fd: taken, cmd: F_GETOWN_EX, arg });
    const { type: pid_type, pid } = f_owner_ex.decode(arg.bytes);
    const signum = port.call(fcntl, { fd: taken, cmd: F_GETSIG, arg: 0 });
    if (pid === 0 && signum === 0) return undefined;
    if (pid === 0) return { uid: 0, euid: 0, signum, pid_type: 0, pid: 0 };
    const ids = scope.alloc(f_owner_uids.size);
    // A kernel without CONFIG_CHECKPOINT_RESTORE does not tell: EINVAL, and the ids stay 0.
    port.attempt(fcntlPtr, { fd: taken, cmd: F_GETOWNER_UIDS, arg: ids });
    return { ...f_owner_uids.decode(ids.bytes), signum, pid_type, pid };
  } finally {
    port.drop(taken);
  }
}

/** Finds tasks and groups of the tree by our pids. */
export class OwnersInside {
  private readonly processes: readonly ProcessView[];

  constructor(processes: readonly ProcessView[]) {
    this.processes = processes;
  }

  /** The same owner by the pid that the tree itself sees; throws for one outside. */
  inside(owner: FownEntry): FownEntry {
    const { pid, pid_type } = owner;
    if (pid === 0) return owner;
    const isGroup = pid_type === F_OWNER_PGRP;
    const vpid = isGroup ? this.groupInside(pid) : this.taskInside(pid);
    if (vpid !== undefined) return { ...owner, pid: vpid };
    const what = isGroup ? 'process group' : pid_type === F_OWNER_TID ? 'thread' : 'process';
    throw external(`its owner (F_SETOWN) is ${what} ${pid}, which is outside the tree`, {
      remedy: 'take the owner away by fcntl(fd, F_SETOWN, 0) before the checkpoint',
    });
  }

  private taskInside(pid: number): number | undefined {
    for (const process of this.processes) {
      if (process.pid === pid) return process.vpid;
      const thread = process.threads.find(({ tid }) => tid === pid);
      if (thread) return thread.vtid;
    }
    return undefined;
  }

  private groupInside(pgid: number): number | undefined {
    return this.processes.find(({ stat }) => stat.pgrp === pgid)?.vpgid;
  }
}

/** Confinement that is not saved yet: LSM labels, system call dispatch to user space. */
import { ptrace } from '../../linux/syscalls/tasks.js';
import {
  PTRACE_GET_SYSCALL_USER_DISPATCH_CONFIG,
  ptrace_sud_config,
} from '../../linux/uapi/ptrace.js';
import { unsupported } from '../../support/errors.js';
import { defineTaskState } from '../kinds.js';

/** The label of SELinux, AppArmor or Smack: a restored task would have woodfrog's. */
export const securityLabel = defineTaskState<{
  own: string | undefined;
  label: string | undefined;
}>({
  name: 'security label',
  scope: 'thread',
  observe(port, { process, thread }) {
    const { label: own } = port.own;
    if (own === undefined) return { own, label: own };
    const text = port.attemptReadText(`/proc/${process.pid}/task/${thread.tid}/attr/current`);
    return { own, label: typeof text === 'number' ? undefined : text };
  },
  inspect({ seen: { own, label } }) {
    if (own === label) return {};
    throw unsupported(`its label ${show(label)} is not woodfrog's, ${show(own)}`, {
      remedy: 'run woodfrog with the same label: runcon, aa-exec',
    });
  },
  rebuild({ core }) {
    const { lsm_profile, lsm_sockcreate } = core.thread_core?.creds ?? {};
    const label = lsm_profile ?? lsm_sockcreate;
    if (label === undefined) return;
    throw unsupported(`its label ${show(label)} cannot be restored yet`, {
      remedy: 'dump the program unconfined',
    });
  },
});

const show = (label: string | undefined): string => JSON.stringify(label?.replace(/[\0\n]+$/, ''));

/** PR_SET_SYSCALL_USER_DISPATCH; can be asked from Linux 6.4 on. */
export const syscallDispatch = defineTaskState<boolean>({
  name: 'system call user dispatch',
  scope: 'thread',
  observe(port, { thread }) {
    using scope = port.scope();
    const place = scope.alloc(ptrace_sud_config.size);
    const result = port.attempt(ptrace, {
      request: PTRACE_GET_SYSCALL_USER_DISPATCH_CONFIG,
      pid: thread.tid,
      addr: place.length,
      data: place,
    });
    return result >= 0 && ptrace_sud_config.decode(place.bytes).mode !== 0n;
  },
  inspect({ seen }) {
    if (!seen) return {};
    throw unsupported('system calls are dispatched to user space', {
      remedy: 'checkpoint the program while PR_SET_SYSCALL_USER_DISPATCH is off',
    });
  },
});

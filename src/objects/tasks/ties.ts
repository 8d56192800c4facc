/**
 * What ties a thread to things outside of it: a tracer other than woodfrog, adjustments of semaphores, keyrings, and
 * mappings that stand for more than memory.
 */
import type { Mapping } from '../../linux/procfs/maps.js';
import { kcmp, keyctl } from '../../linux/syscalls/tasks.js';
import {
  KEY_SPEC_PROCESS_KEYRING,
  KEY_SPEC_THREAD_KEYRING,
  KEYCTL_GET_KEYRING_ID,
} from '../../linux/uapi/prctl.js';
import { KCMP_SYSVSEM } from '../../linux/uapi/sched.js';
import { unsupported } from '../../support/errors.js';
import { defineTaskState } from '../kinds.js';
import { readOptional } from '../own-task.js';
import type { DumpPort } from '../ports.js';

export const tracer = defineTaskState<number>({
  name: 'tracer',
  scope: 'thread',
  observe: (port) => port.own.tid,
  inspect({ thread: { status }, seen: own }) {
    if (status.TracerPid === 0 || status.TracerPid === own) return {};
    throw unsupported(`the thread is traced by pid ${status.TracerPid}`, {
      remedy: 'detach the debugger or tracer first',
    });
  },
});

/** kthreadd never had a semaphore, so it has no list of adjustments: what a task without one equals. */
const KTHREADD = 2;

/**
 * semop(2) with SEM_UNDO. The list itself cannot be read. A process with threads has one (clone(2) with CLONE_SYSVSEM
 * makes it), used or not; where the namespace has no semaphores, none is used.
 */
export const semaphoreUndo = defineTaskState<boolean>({
  name: 'System V semaphore',
  scope: 'thread',
  observe(port, { process, thread, isLeader }) {
    // One list for both, so the leader's answer is the thread's.
    if (!isLeader && hasSameList(port, process.pid, thread.tid)) return false;
    // Absent in a kernel without System V IPC. One line is the heading.
    const sets = readOptional(port, '/proc/sysvipc/sem') ?? '';
    if (sets.trimEnd().split('\n').length <= 1) return false;
    // In a pid namespace pid 2 is anyone, or no one (ESRCH): then the doubt stays.
    return !hasSameList(port, KTHREADD, thread.tid);
  },
  inspect({ seen }) {
    if (!seen) return {};
    throw unsupported(
      'the thread may have semaphore adjustments (SEM_UNDO), which can neither be read nor saved',
      { remedy: 'remove unused semaphore sets (ipcs -s, ipcrm -s): without any there is no doubt' },
    );
  },
});

const hasSameList = (port: DumpPort, pid1: number, pid2: number): boolean =>
  port.attempt(kcmp, { pid1, pid2, type: KCMP_SYSVSEM, idx1: 0, idx2: 0 }) === 0;

const KEYRINGS = [
  { id: KEY_SPEC_THREAD_KEYRING, name: 'thread' },
  { id: KEY_SPEC_PROCESS_KEYRING, name: 'process' },
] as const;

/** keyrings(7): those that only the task itself has. ENOKEY: none; ENOSYS: no keys at all. */
export const keyrings = defineTaskState<undefined, string[]>({
  name: 'keyring',
  scope: 'thread',
  probe(tape) {
    const asked = KEYRINGS.map(({ id: arg2, name }) => {
      const args = { operation: KEYCTL_GET_KEYRING_ID, arg2, arg3: 0, arg4: 0, arg5: 0 };
      return { name, call: tape.call(keyctl, args) };
    });
    return () => asked.filter(({ call }) => call.result() > 0).map(({ name }) => name);
  },
  inspect({ probed }) {
    if (probed.length === 0) return {};
    throw unsupported(`the thread has a ${probed.join(' and a ')} keyring`, {
      remedy: 'keep keys in the user or session keyring instead',
    });
  },
});

const SPECIAL_MAPPINGS: readonly {
  test(mapping: Mapping): boolean;
  what: string;
  remedy: string;
}[] = [
  {
    test: ({ label }) => label === '[uprobes]',
    what: 'uprobes set in it, which cannot be saved',
    remedy: 'stop tracing the program (perf, bpftrace) and start it anew',
  },
];

export const specialMappings = defineTaskState({
  name: 'mappings',
  scope: 'process',
  inspect({ process: { mappings } }) {
    for (const { test, what, remedy } of SPECIAL_MAPPINGS) {
      const found = mappings.find(test);
      if (found !== undefined) {
        throw unsupported(`the process has ${what}`, { object: `mapping ${range(found)}`, remedy });
      }
    }
    return {};
  },
});

const range = ({ start, end }: Mapping): string => `0x${start.toString(16)}-0x${end.toString(16)}`;

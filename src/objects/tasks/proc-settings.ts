/** Settings of a process that are read and written in /proc: out-of-memory score, core dump contents, login user. */

import { AT_FDCWD } from '../../linux/syscall.js';
import { close, openat, write } from '../../linux/syscalls/files.js';
import { O_CLOEXEC, O_WRONLY } from '../../linux/uapi/fcntl.js';
import { utf8 } from '../../support/bytes.js';
import { unsupported } from '../../support/errors.js';
import { defineTaskState } from '../kinds.js';
import { readNumber, readOptional } from '../own-task.js';
import type { KernelPort } from '../ports.js';

export const oomScoreAdjust = defineTaskState<number>({
  name: 'OOM score adjustment',
  scope: 'process',
  observe: (port, { process }) => readNumber(port, `/proc/${process.task}/oom_score_adj`) ?? 0,
  inspect: ({ seen }) => ({ tc: { oom_score_adj: seen } }),
  rebuild({ core, process: { vpid } }, { port, plan }) {
    const value = core.tc?.oom_score_adj;
    if (value === undefined || value === port.own.oomScoreAdj) return;
    plan.host({
      stage: 'credentials',
      what: `write ${value} to /proc/${vpid}/oom_score_adj`,
      run: (host) => writeText(host, `/proc/${host.pidOf(vpid)}/oom_score_adj`, String(value)),
    });
  },
});

/** MMF_DUMP_FILTER_DEFAULT. */
const CORE_FILTER_DEFAULT = 0x33;

export const coreDumpFilter = defineTaskState<number>({
  name: 'core dump filter',
  scope: 'process',
  table: 'vm_id',
  observe: readCoreFilter,
  inspect: ({ seen }) => (seen === CORE_FILTER_DEFAULT ? {} : { mm: { coredump_filter: seen } }),
  rebuild({ process: { vpid, mm } }, { port, plan }) {
    const value = mm.coredump_filter ?? CORE_FILTER_DEFAULT;
    if (value === readCoreFilter(port)) return;
    plan.host({
      stage: 'credentials',
      what: `write 0x${value.toString(16)} to /proc/${vpid}/coredump_filter`,
      run: (host) =>
        writeText(host, `/proc/${host.pidOf(vpid)}/coredump_filter`, `0x${value.toString(16)}`),
    });
  },
});

/** Of a task, or of woodfrog itself, which puppets inherit. The file needs CONFIG_ELF_CORE. */
function readCoreFilter(port: KernelPort, subject?: { process: { task: number } }): number {
  const text = readOptional(port, `/proc/${subject?.process.task ?? 'self'}/coredump_filter`);
  return text === undefined ? CORE_FILTER_DEFAULT : Number.parseInt(text, 16);
}

function writeText(port: KernelPort, path: string, text: string): void {
  const fd = port.call(openat, {
    dirfd: AT_FDCWD,
    pathname: path,
    flags: O_WRONLY | O_CLOEXEC,
    mode: 0,
  });
  try {
    const data = utf8(text);
    port.call(write, { fd, buf: data, count: data.length });
  } finally {
    port.call(close, { fd });
  }
}

/** Not set: who the task belongs to was never told by a login. */
const NO_LOGIN = 0xffff_ffff;

/** Only the task itself may write it. */
export const loginUser = defineTaskState<number>({
  name: 'login user',
  scope: 'process',
  requires: ['loginuid'],
  observe: (port, { process }) => readNumber(port, `/proc/${process.task}/loginuid`) ?? NO_LOGIN,
  inspect: ({ seen }) => ({ tc: { loginuid: seen } }),
  rebuild({ core, track }, { port }) {
    const { loginuid } = core.tc ?? {};
    if (loginuid === undefined || loginuid === (port.own.loginuid ?? NO_LOGIN)) return;
    if (port.own.loginuid === undefined) {
      throw unsupported(`login user ${loginuid} cannot be set: this kernel has no audit`, {
        remedy: 'restore on a kernel with CONFIG_AUDIT',
      });
    }
    const text = utf8(String(loginuid));
    const path = { dirfd: AT_FDCWD, pathname: '/proc/self/loginuid', flags: O_WRONLY, mode: 0 };
    // Not at 'make': another track may make descriptors in the same table, and count on the lowest number.
    const fd = track.at('fill').call(openat, path, { object: 'login user' });
    track.call(write, { fd, buf: text, count: text.length }, { mustEqual: text.length });
    track.call(close, { fd });
  },
});

/** The nice value of a session as a whole. sched(7), "The autogroup feature". */
export const autogroup = defineTaskState<string | undefined>({
  name: 'autogroup',
  scope: 'process',
  observe: (port, { process }) => readOptional(port, `/proc/${process.task}/autogroup`),
  inspect({ seen }) {
    const nice = seen === undefined ? undefined : /nice (-?\d+)/.exec(seen)?.[1];
    if (nice === undefined || nice === '0') return {};
    throw unsupported(`the nice value of its autogroup is ${nice}`, {
      remedy: 'reset it first: echo 0 > /proc/PID/autogroup',
    });
  },
});

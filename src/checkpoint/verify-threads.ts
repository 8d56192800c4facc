/** core-*.img: what each thread has, and for leaders what belongs to the whole process. */
import { IMAGES } from '../images/catalogue.js';
import { imageName } from '../images/image.js';
import type { core_entry, task_core_entry } from '../images/messages/core.js';
import { core_entry_march } from '../images/messages/core.js';
import type { creds_entry } from '../images/messages/creds.js';
import type { siginfo_entry } from '../images/messages/siginfo.js';
import type { MessageValue } from '../images/schema.js';
import { encodeText } from '../support/text.js';
import type { Inspection, Report } from './problems.js';
import type { TreeProcess } from './verify-tree.js';

type Core = MessageValue<typeof core_entry>;
type TaskCore = MessageValue<typeof task_core_entry>;
type Creds = MessageValue<typeof creds_entry>;

/** Every signal but SIGKILL and SIGSTOP, in order: sigaction(2) takes nothing else. */
const ACTIONS = 62;
const SIGINFO_BYTES = 128;
/** include/linux/sched.h, TASK_COMM_LEN with its NUL. */
const COMM_BYTES_MAX = 15;
const RLIMITS = 16;
/** Capability sets are two words, low word first; ambient ones are absent from old images. */
const CAP_WORDS = 2;
const CAP_SETS = ['cap_inh', 'cap_prm', 'cap_eff', 'cap_bnd'] as const;

export function verifyThreads(inspection: Inspection, tree: readonly TreeProcess[]): void {
  for (const process of tree) {
    const { pid, entry, isZombie } = process;
    verifyCore(inspection, { tid: pid, process });
    if (isZombie) continue;
    for (const tid of entry.threads) if (tid !== pid) verifyCore(inspection, { tid, process });
  }
}

function verifyCore(
  inspection: Inspection,
  { tid, process }: { tid: number; process: TreeProcess },
): void {
  const { pid, isZombie } = process;
  const report = inspection.in(imageName(IMAGES.CORE, tid));
  const core = inspection.set.get(IMAGES.CORE, tid);
  if (!core) {
    report(
      undefined,
      `is missing; ${tid === pid ? 'process' : `thread ${tid} of`} ${pid} needs it`,
    );
    return;
  }
  if (tid === pid) verifyLeader(core, inspection, { process, report });
  else if (core.tc) report('tc', `belongs to a process; this is thread ${tid} of ${pid}`);
  if (isZombie) return;
  if (tid !== pid || core.tc?.leader_exit_code === undefined) verifyRegisters(core, report);
  const { thread_core } = core;
  if (!thread_core) {
    report('thread_core', 'is missing');
    return;
  }
  verifyName('thread_core.comm', thread_core.comm, report);
  verifySignals('thread_core.signals_p', thread_core.signals_p?.signals, report);
  const creds = thread_core.creds ?? inspection.set.get(IMAGES.CREDS, pid);
  if (creds) verifyCreds(creds, report);
  else report('thread_core.creds', 'is missing: nothing says whose thread it is');
}

function verifyRegisters({ mtype, thread_info }: Core, report: Report): void {
  // Other processors' registers are sound there and cannot be restored here: that is for unsupportedEntries.
  if (mtype === core_entry_march.X86_64 && !thread_info) report('thread_info', 'is missing');
}

function verifyLeader(
  { tc }: Core,
  { set }: Inspection,
  { process: { pid, isZombie }, report }: { process: TreeProcess; report: Report },
): void {
  if (!tc) {
    report('tc', `is missing; core-${pid}.img is that of a process`);
    return;
  }
  verifyName('tc.comm', tc.comm, report);
  if (isZombie) return;
  const actions = tc.sigactions.length || set.many(IMAGES.SIGACT, pid).length;
  if (actions !== ACTIONS) report('tc.sigactions', `has ${actions} actions, not ${ACTIONS}`);
  verifySignals('tc.signals_s', tc.signals_s?.signals, report);
  verifyLimits(tc, report);
}

function verifyName(entry: string, name: string | undefined, report: Report): void {
  if (name === undefined) return;
  if (encodeText(name).length > COMM_BYTES_MAX || name.includes('\0')) {
    report(entry, `is '${name}': names of threads have up to ${COMM_BYTES_MAX} bytes`);
  }
}

function verifyLimits({ rlimits }: TaskCore, report: Report): void {
  const limits = rlimits?.rlimits ?? [];
  if (limits.length > RLIMITS) {
    report('tc.rlimits', `has ${limits.length} limits; there are ${RLIMITS}`);
  }
  for (const [resource, { cur, max }] of limits.entries()) {
    if (cur > max) report(`tc.rlimits[${resource}]`, `is ${cur}, above its maximum ${max}`);
  }
}

function verifySignals(
  entry: string,
  signals: readonly MessageValue<typeof siginfo_entry>[] | undefined,
  report: Report,
): void {
  for (const [index, { siginfo }] of (signals ?? []).entries()) {
    if (siginfo.length !== SIGINFO_BYTES) {
      report(`${entry}[${index}]`, `has ${siginfo.length} bytes; a siginfo_t has ${SIGINFO_BYTES}`);
    }
  }
}

function verifyCreds(creds: Creds, report: Report): void {
  for (const name of CAP_SETS) {
    const { length } = creds[name];
    if (length !== CAP_WORDS) report(`creds.${name}`, `has ${length} words, not ${CAP_WORDS}`);
  }
  const ambient = creds.cap_amb.length;
  if (ambient !== 0 && ambient !== CAP_WORDS) {
    report('creds.cap_amb', `has ${ambient} words, not ${CAP_WORDS}`);
  }
  for (let word = 0; word < CAP_WORDS; word++) {
    const permitted = creds.cap_prm[word] ?? 0;
    if ((creds.cap_eff[word] ?? 0) & ~permitted) {
      report('creds.cap_eff', 'has capabilities that cap_prm has not, which no kernel allows');
    }
    if ((creds.cap_amb[word] ?? 0) & ~(permitted & (creds.cap_inh[word] ?? 0))) {
      report('creds.cap_amb', 'has capabilities that are not both permitted and inheritable');
    }
  }
}

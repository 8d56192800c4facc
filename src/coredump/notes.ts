/** The notes of a core file: threads with their registers, the process, its auxiliary vector, its mapped files. */
import { xstateFromFpregs, xstateLayout } from '../arch/arch.js';
import { IMAGES } from '../images/catalogue.js';
import type { ImageSet } from '../images/directory.js';
import type { core_entry } from '../images/messages/core.js';
import type { thread_info_x86, user_x86_fpregs_entry } from '../images/messages/core-x86.js';
import { user_x86_regs_mode } from '../images/messages/core-x86.js';
import type { pstree_entry } from '../images/messages/pstree.js';
import type { MessageValue } from '../images/schema.js';
import { FILE_PRIVATE, FILE_SHARED } from '../images/vma-status.js';
import {
  elf_prpsinfo,
  elf_prstatus,
  encodeFileNote,
  encodeNote,
  NT_AUXV,
  NT_FILE,
  NT_FPREGSET,
  NT_PRPSINFO,
  NT_PRSTATUS,
  NT_X86_XSTATE,
} from '../linux/elf/core-file.js';
import { PAGE_SIZE } from '../support/brand.js';
import { concat, u64Bytes } from '../support/bytes.js';
import { imageError, unsupported } from '../support/errors.js';
import { encodeText } from '../support/text.js';
import type { Mm } from './memory.js';

export type Task = MessageValue<typeof pstree_entry>;
type Core = MessageValue<typeof core_entry>;
type Fpregs = MessageValue<typeof user_x86_fpregs_entry>;
type ThreadInfo = MessageValue<typeof thread_info_x86>;

/** user_regs_struct, in its order, by the images' names. */
const REGISTERS = [
  'r15',
  'r14',
  'r13',
  'r12',
  'bp',
  'bx',
  'r11',
  'r10',
  'r9',
  'r8',
  'ax',
  'cx',
  'dx',
  'si',
  'di',
  'orig_ax',
  'ip',
  'cs',
  'flags',
  'sp',
  'ss',
  'fs_base',
  'gs_base',
  'ds',
  'es',
  'fs',
  'gs',
] as const;

const FXSAVE_LENGTH = 512;
const NAME_MAX = 15;
const ARGS_MAX = 79;

export interface Process {
  readonly set: ImageSet;
  readonly task: Task;
  readonly mm: Mm;
  /** The program's arguments as it has them in memory: NUL after each. */
  readonly args: Uint8Array;
}

/** All notes, in the kernel's order: the leader and the process first, the other threads after. */
export function coreNotes(process: Process): Uint8Array {
  const { set, task, mm } = process;
  const others = task.threads.filter((tid) => tid !== task.pid);
  const leader = set.require(IMAGES.CORE, task.pid);
  return concat([
    encodeNote('CORE', NT_PRSTATUS, threadStatus(process, task.pid, leader)),
    encodeNote('CORE', NT_PRPSINFO, processInfo(process, leader)),
    encodeNote('CORE', NT_AUXV, concat(mm.mm_saved_auxv.map((value) => u64Bytes(value)))),
    encodeNote('CORE', NT_FILE, mappedFiles(process)),
    ...floatingPoint(leader),
    ...others.flatMap((tid) => {
      const core = set.require(IMAGES.CORE, tid);
      const status = threadStatus(process, tid, core);
      return [encodeNote('CORE', NT_PRSTATUS, status), ...floatingPoint(core)];
    }),
  ]);
}

function threadInfo({ thread_info }: Core, tid: number): ThreadInfo {
  const object = `core-${tid}.img`;
  if (!thread_info) throw imageError('the registers of an x86-64 thread are missing', { object });
  if ((thread_info.gpregs.mode ?? user_x86_regs_mode.NATIVE) !== user_x86_regs_mode.NATIVE) {
    throw unsupported('core files of 32-bit programs cannot be written', { object, pid: tid });
  }
  return thread_info;
}

function threadStatus({ task }: Process, tid: number, core: Core): Uint8Array {
  const { gpregs } = threadInfo(core, tid);
  return elf_prstatus.encode({
    pr_cursig: core.tc?.stop_signo ?? 0,
    pr_sighold: core.thread_core?.blk_sigset ?? core.tc?.blk_sigset ?? 0n,
    pr_pid: tid,
    pr_ppid: task.ppid,
    pr_pgrp: task.pgid,
    pr_sid: task.sid,
    pr_reg: REGISTERS.map((name) => gpregs[name]),
    pr_fpvalid: 1,
  });
}

function processInfo({ task, args }: Process, { tc, thread_core }: Core): Uint8Array {
  const creds = thread_core?.creds;
  const words = args.slice(0, ARGS_MAX).map((byte) => (byte === 0 ? 0x20 : byte));
  return elf_prpsinfo.encode({
    pr_sname: 'R'.charCodeAt(0),
    pr_nice: (thread_core?.sched_nice ?? 0) & 0xff,
    pr_uid: creds?.uid ?? 0,
    pr_gid: creds?.gid ?? 0,
    pr_pid: task.pid,
    pr_ppid: task.ppid,
    pr_pgrp: task.pgid,
    pr_sid: task.sid,
    pr_fname: encodeText(tc?.comm ?? '').subarray(0, NAME_MAX),
    pr_psargs: words,
  });
}

/** The x87 and SSE state, and all of it where the CPU had more. */
function floatingPoint({ thread_info }: Core): Uint8Array[] {
  const fpregs = thread_info?.fpregs;
  if (!fpregs) return [];
  const xstate = xstateOf(fpregs);
  const legacy = encodeNote('CORE', NT_FPREGSET, xstate.subarray(0, FXSAVE_LENGTH));
  return fpregs.xsave ? [legacy, encodeNote('LINUX', NT_X86_XSTATE, xstate)] : [legacy];
}

const FP_SSE = 3n;

/** In the layout of Intel's CPUs, which debuggers assume; components that the CPU had not are left out. */
function xstateOf({ xsave, ...legacy }: Fpregs): Uint8Array {
  if (!xsave) return xstateFromFpregs(legacy, xstateLayout(FP_SSE));
  const { cet: _, xstate_bv, ...components } = xsave;
  let xcr0 = FP_SSE;
  const has = (values: readonly unknown[], bits: bigint) => {
    if (values.length > 0) xcr0 |= bits;
  };
  has(xsave.ymmh_space, 1n << 2n);
  has(xsave.bndreg_state, 1n << 3n);
  has(xsave.bndcsr_state, 1n << 4n);
  has(xsave.opmask_reg, 1n << 5n);
  has(xsave.zmm_upper, 1n << 6n);
  has(xsave.hi16_zmm, 1n << 7n);
  has(xsave.pkru, 1n << 9n);
  const known = { ...legacy, xsave: { ...components, xstate_bv: xstate_bv & xcr0 } };
  return xstateFromFpregs(known, xstateLayout(xcr0));
}

function mappedFiles({ set, mm }: Process): Uint8Array {
  const paths = new Map(set.many(IMAGES.FILES).map(({ id, reg }) => [BigInt(id), reg?.name]));
  const files = mm.vmas.flatMap(({ start, end, pgoff, shmid, status }) => {
    const path = status & (FILE_PRIVATE | FILE_SHARED) ? paths.get(shmid) : undefined;
    return path === undefined ? [] : [{ start, end, offset: pgoff, path: encodeText(path) }];
  });
  return encodeFileNote(files, PAGE_SIZE);
}

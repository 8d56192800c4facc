/**
 * The signal frame that rt_sigreturn(2) restores a task from: struct rt_sigframe of arch/x86/include/asm/sigframe.h,
 * then, aligned to 64 bytes, its fpstate. It sets all general registers except fs_base, gs_base and the data segment
 * selectors (a tape leaves those alone), the extended registers, the signal mask, and the alternate signal stack.
 */
import { array, struct, u16, u32, u64, word } from '../../linux/struct.js';
import { assert } from '../../support/assert.js';
import { type Address, address } from '../../support/brand.js';
import { alignUp, setU64, toNumber, viewOf } from '../../support/bytes.js';
import type { Registers } from './registers.js';
import { encodeFpstate, fpstateSize, type XstateLayout } from './xstate.js';

/** struct sigaltstack (uapi/asm-generic/signal.h), as sigaltstack(2) reports it. */
export const stack_t = struct(
  'stack_t',
  { ss_sp: word, ss_flags: u32, ss_size: word },
  { size: 24 },
);

/** struct sigcontext_64 (uapi/asm/sigcontext.h). */
const sigcontext = struct(
  'sigcontext_64',
  {
    r8: u64,
    r9: u64,
    r10: u64,
    r11: u64,
    r12: u64,
    r13: u64,
    r14: u64,
    r15: u64,
    di: u64,
    si: u64,
    bp: u64,
    bx: u64,
    dx: u64,
    ax: u64,
    cx: u64,
    sp: u64,
    ip: u64,
    flags: u64,
    cs: u16,
    gs: u16,
    fs: u16,
    ss: u16,
    err: u64,
    trapno: u64,
    oldmask: u64,
    cr2: u64,
    fpstate: word,
    reserved1: array(u64, 8),
  },
  { size: 256 },
);

const ucontext = struct(
  'ucontext',
  { uc_flags: u64, uc_link: u64, uc_stack: stack_t, uc_mcontext: sigcontext, uc_sigmask: u64 },
  { size: 304 },
);

export const rt_sigframe = struct(
  'rt_sigframe',
  { pretcode: word, uc: ucontext, info: array(u64, 16) },
  { size: 440 },
);

// uapi/asm/ucontext.h
const UC_FP_XSTATE = 0x1n;
const UC_SIGCONTEXT_SS = 0x2n;
const UC_STRICT_RESTORE_SS = 0x4n;
const UC_FLAGS = UC_FP_XSTATE | UC_SIGCONTEXT_SS | UC_STRICT_RESTORE_SS;

const FPSTATE_ALIGN = 64;
const FRAME_ALIGN = 16;

export interface SigframeContent {
  /** Where the bytes will lie, a multiple of 16. */
  readonly address: number;
  /** What resumes: see forFrame. */
  readonly regs: Registers;
  /** NT_X86_XSTATE bytes; their layout is needed to leave unused tile data out. */
  readonly xstate: Uint8Array;
  readonly layout: XstateLayout;
  readonly sigmask: bigint;
  /**
   * As sigaltstack(2) reports it in that thread: rt_sigreturn sets it, and ignores a failure (Linux: restore_altstack),
   * which is right where the restored sp lies on a stack that is already set. Inside a handler that runs on an
   * SS_AUTODISARM stack the call reports SS_DISABLE: give that; the handler's own frame holds the real one.
   */
  readonly altstack: { ss_sp: number; ss_flags: number; ss_size: number };
  /** pretcode: where `ret` goes with sp at frameAddress, code that calls rt_sigreturn. 0 when a tape ends in it. */
  readonly restorer?: number;
}

export interface Sigframe {
  /** To be written at the given address. */
  readonly bytes: Uint8Array;
  readonly frameAddress: Address;
  /** What sp must be at the rt_sigreturn system call: argument 0 of a TAPE_END record. */
  readonly ucontextAddress: Address;
}

/** Bytes that a frame with this much xstate takes at most. */
export const sigframeSize = (xstateLength: number): number =>
  alignUp(rt_sigframe.size + FPSTATE_ALIGN + fpstateSize(xstateLength), FPSTATE_ALIGN);

export function buildSigframe(content: SigframeContent): Sigframe {
  const { address: start, regs, xstate, layout, sigmask, altstack, restorer = 0 } = content;
  assert(start % FRAME_ALIGN === 0, `A signal frame at 0x${start.toString(16)} is not aligned`);
  const fpstateAddress = alignUp(start + rt_sigframe.size, FPSTATE_ALIGN);
  const fpstate = encodeFpstate(xstate, layout);
  const bytes = new Uint8Array(fpstateAddress - start + fpstate.length);
  const view = viewOf(bytes);
  const at = { uc: rt_sigframe.offsets.uc, ...ucontext.offsets };
  setU64(view, rt_sigframe.offsets.pretcode, restorer);
  view.setBigUint64(at.uc + at.uc_flags, UC_FLAGS, true);
  stack_t.set(view, at.uc + at.uc_stack, altstack);
  setContext(view, at.uc + at.uc_mcontext, { regs, fpstate: fpstateAddress });
  view.setBigUint64(at.uc + at.uc_sigmask, sigmask, true);
  bytes.set(fpstate, fpstateAddress - start);
  return {
    bytes,
    frameAddress: address(start),
    ucontextAddress: address(start + rt_sigframe.offsets.uc),
  };
}

const WORDS = [
  ...(['r8', 'r9', 'r10', 'r11', 'r12', 'r13', 'r14', 'r15'] as const),
  ...(['di', 'si', 'bp', 'bx', 'dx', 'ax', 'cx', 'sp', 'ip', 'flags'] as const),
];
const SELECTORS = ['cs', 'gs', 'fs', 'ss'] as const;

/**
 * Selectors are 16 bits of their registers; err, trapno, oldmask and cr2 are not read by rt_sigreturn. Word by word, as
 * there is a frame for every thread.
 */
function setContext(
  view: DataView,
  at: number,
  { regs, fpstate }: { regs: Registers; fpstate: number },
): void {
  const { offsets } = sigcontext;
  for (const name of WORDS) view.setBigUint64(at + offsets[name], regs[name], true);
  for (const name of SELECTORS) view.setUint16(at + offsets[name], selector(regs[name]), true);
  setU64(view, at + offsets.fpstate, fpstate);
}

const selector = (value: bigint): number => toNumber(value & 0xffffn);

/**
 * The signal frame that rt_sigreturn(2) of 32-bit code restores a thread from: struct rt_sigframe_ia32 of
 * arch/x86/include/asm/sigframe.h. Before it lie the words that the vdso pops behind its `int 0x80`, so that a call made
 * there returns into rt_sigreturn. It sets all registers of such code, segments too, and the extended registers, of
 * which the x87 part comes first in the old format of FSAVE.
 */
import { array, struct, u16, u32, u64 } from '../../linux/struct.js';
import { assert } from '../../support/assert.js';
import { address } from '../../support/brand.js';
import { alignUp, toNumber, viewOf } from '../../support/bytes.js';
import { END_32_BIT } from './ia32.js';
import type { Registers } from './registers.js';
import type { Sigframe, SigframeContent } from './sigframe.js';
import { encodeFpstate } from './xstate.js';

/** compat_stack_t. */
const stack32 = struct('stack_t (ia32)', { ss_sp: u32, ss_flags: u32, ss_size: u32 }, { size: 12 });

/** struct sigcontext_32 (uapi/asm/sigcontext.h). */
const sigcontext32 = struct(
  'sigcontext_32',
  {
    ...{ gs: u16, gsh: u16, fs: u16, fsh: u16, es: u16, esh: u16, ds: u16, dsh: u16 },
    ...{ di: u32, si: u32, bp: u32, sp: u32, bx: u32, dx: u32, cx: u32, ax: u32 },
    ...{ trapno: u32, err: u32, ip: u32, cs: u16, csh: u16, flags: u32, sp_at_signal: u32 },
    ...{ ss: u16, ssh: u16, fpstate: u32, oldmask: u32, cr2: u32 },
  },
  { size: 88 },
);

/** struct ucontext_ia32: its mask is not aligned as a word of 64 bits would be. */
const ucontext32 = struct(
  'ucontext_ia32',
  {
    ...{ uc_flags: u32, uc_link: u32, uc_stack: stack32, uc_mcontext: sigcontext32 },
    uc_sigmask: array(u32, 2),
  },
  { size: 116 },
);

export const rt_sigframe32 = struct(
  'rt_sigframe_ia32',
  {
    ...{ pretcode: u32, sig: u32, pinfo: u32, puc: u32 },
    ...{ info: array(u32, 32), uc: ucontext32, retcode: array(u32, 2) },
  },
  { size: 268 },
);

/** struct fregs_state: what FSAVE writes, and a word of software's. */
const fregs_state = struct(
  'fregs_state',
  {
    ...{ cwd: u32, swd: u32, twd: u32, fip: u32, fcs: u32, foo: u32, fos: u32 },
    ...{ st_space: array(u32, 20), status: u32 },
  },
  { size: 112 },
);

/** ebp, edx and ecx, which the vdso pops before it returns. */
const POPPED_BYTES = 12;
const FPSTATE_ALIGN = 64;
const REGISTER_COUNT = 8;
/** Of a register in FXSAVE, and of one in FSAVE. */
const FXSAVE_REGISTER = 16;
const FSAVE_REGISTER = 10;
const FXSAVE_REGISTERS_OFFSET = 32;

/** `frameAddress` is what sp must be at the `int 0x80` of the vdso. `restorer`: the vdso's rt_sigreturn. */
export function buildSigframe32(content: SigframeContent & { restorer: number }): Sigframe {
  const { address: start, regs, xstate, layout, sigmask, altstack, restorer } = content;
  const frame = start + POPPED_BYTES;
  const fpstateAddress = alignUp(frame + rt_sigframe32.size + fregs_state.size, FPSTATE_ALIGN);
  const fregsAddress = fpstateAddress - fregs_state.size;
  const fpstate = encodeFpstate(xstate, layout);
  const bytes = new Uint8Array(fpstateAddress - start + fpstate.length);
  assert(start + bytes.length <= END_32_BIT, 'a frame of 32-bit code lies where that reaches');
  rt_sigframe32.set(viewOf(bytes), POPPED_BYTES, {
    ...{ pretcode: restorer, sig: 0, pinfo: 0, puc: 0 },
    info: new Array(32).fill(0),
    uc: {
      ...{ uc_flags: 0, uc_link: 0, uc_stack: altstack },
      uc_mcontext: contextOf(regs, fregsAddress),
      uc_sigmask: [toNumber(BigInt.asUintN(32, sigmask)), toNumber(sigmask >> 32n)],
    },
    retcode: [0, 0],
  });
  bytes.set(encodeFregs(xstate), fregsAddress - start);
  bytes.set(fpstate, fpstateAddress - start);
  return { bytes, frameAddress: address(start), ucontextAddress: address(frame + UC_OFFSET) };
}

const UC_OFFSET = rt_sigframe32.offsets.uc;

function contextOf(regs: Registers, fpstate: number) {
  const word = (name: keyof Registers): number => toNumber(BigInt.asUintN(32, regs[name]));
  const selector = (name: keyof Registers): number => toNumber(regs[name] & 0xffffn);
  return {
    ...{ gs: selector('gs'), fs: selector('fs'), es: selector('es'), ds: selector('ds') },
    ...{ gsh: 0, fsh: 0, esh: 0, dsh: 0, csh: 0, ssh: 0 },
    ...{ di: word('di'), si: word('si'), bp: word('bp'), sp: word('sp') },
    ...{ bx: word('bx'), dx: word('dx'), cx: word('cx'), ax: word('ax') },
    ...{ ip: word('ip'), cs: selector('cs'), flags: word('flags'), ss: selector('ss') },
    ...{ trapno: 0, err: 0, sp_at_signal: word('sp'), fpstate, oldmask: 0, cr2: 0 },
  };
}

const fxsave = struct(
  'the head of FXSAVE',
  { cwd: u16, swd: u16, twd: u16, fop: u16, rip: u64, rdp: u64 },
  { size: 24 },
);

/** Every register is either empty or not: which of the other tags it has the processor finds out. */
const EMPTY_TAG = 3;
const FOP_SHIFT = 0x1_0000;
const UPPER_HALF = 0xffff_0000;

/** The x87 part of NT_X86_XSTATE bytes, as FSAVE would write it. */
function encodeFregs(xstate: Uint8Array): Uint8Array {
  const { cwd, swd, twd, fop, rip, rdp } = fxsave.decode(xstate);
  let tags = 0;
  for (let i = 0; i < REGISTER_COUNT; i++) {
    if ((twd & (1 << i)) === 0) tags |= EMPTY_TAG << (2 * i);
  }
  const registers = new Uint8Array(REGISTER_COUNT * FSAVE_REGISTER);
  for (let i = 0; i < REGISTER_COUNT; i++) {
    const at = FXSAVE_REGISTERS_OFFSET + i * FXSAVE_REGISTER;
    registers.set(xstate.subarray(at, at + FSAVE_REGISTER), i * FSAVE_REGISTER);
  }
  return fregs_state.encode({
    ...{ cwd: UPPER_HALF + cwd, swd: UPPER_HALF + swd, twd: UPPER_HALF + tags },
    ...{ fip: toNumber(BigInt.asUintN(32, rip)), foo: toNumber(BigInt.asUintN(32, rdp)) },
    ...{ fcs: fop * FOP_SHIFT, fos: UPPER_HALF, status: swd },
    st_space: array(u32, 20).get(viewOf(registers), 0),
  });
}

/**
 * What the rest of woodfrog knows about the processor: only x86-64 so far. Other folders import from here and not
 * from below; a second architecture would offer the same names.
 */

export { type Assembled, formatListing } from './x86-64/assembler.js';
export {
  type CpuDemand,
  type CpuInfo,
  type CpuidRegisters,
  missingOf,
  readCpuInfo,
} from './x86-64/cpuinfo.js';
export {
  END_32_BIT,
  is32Bit,
  narrowed,
  widened,
} from './x86-64/ia32.js';
export { buildSigframe32 } from './x86-64/ia32-frame.js';
export { PUPPET_ADDRESS, puppetElf, puppetSyscall } from './x86-64/puppet-elf.js';
export {
  callWith,
  forFrame,
  forImage,
  fromImage,
  instructionPointer,
  isNative,
  isRestart,
  NO_SYSCALL,
  type Registers,
  redirect,
  redirectNative,
  stackPointer,
  syscallArgs,
  syscallNumber,
  undisturbed,
  user_regs_struct,
} from './x86-64/registers.js';
export { abortRseq, type RseqCs, rseq_cs } from './x86-64/rseq.js';
export {
  buildSigframe,
  type Sigframe,
  type SigframeContent,
  sigframeSize,
  stack_t,
} from './x86-64/sigframe.js';
export {
  cloneExecStub,
  cloneTapeStub,
  cpuidStub,
  flagHandler,
  wakeHandler,
} from './x86-64/stubs.js';
export {
  decodeResult,
  encodeRecord,
  encodeTape,
  POISON,
  RECORD_RESULT_OFFSET,
  RECORD_SIZE,
  recordArgOffset,
  TAPE_END,
  TAPE_IA32,
  TAPE_INDIRECT_ARG,
  TAPE_MUST_EQUAL,
  TAPE_ON_ERROR,
  TAPE_SET_EPILOGUE,
  type TapeRecord,
  type TapeResult,
  tapeInterpreter,
} from './x86-64/tape-interpreter.js';
export {
  findBytes,
  findInt80,
  findSigreturn,
  findSigreturn32,
  findSyscall,
  findSyscallRet,
  isVdso32,
  vdsoBuildId,
  vdsoDifferences,
  vdsoSymbols,
  vdsoSyscall,
} from './x86-64/vdso.js';
export {
  type FpregsEntry,
  fpregsFromXstate,
  unsavableXstate,
  type XsaveEntry,
  type XstateComponent,
  type XstateLayout,
  xcr0Of,
  xstateBv,
  xstateFromFpregs,
  xstateLayout,
} from './x86-64/xstate.js';

/**
 * What seccomp would do about a system call: its filters run here, as the kernel runs them. Classic BPF, of which
 * seccomp(2) allows loads of 32-bit words of struct seccomp_data, arithmetic, forward jumps and 16 words of scratch
 * memory: Linux kernel/seccomp.c, net/core/filter.c.
 */
import { assert } from '../support/assert.js';
import { toWord, viewOf } from '../support/bytes.js';
import { bug } from '../support/errors.js';
import type { Word } from './syscall.js';
import {
  AUDIT_ARCH_I386,
  AUDIT_ARCH_X86_64,
  SECCOMP_RET_ALLOW,
  SECCOMP_RET_ERRNO,
  SECCOMP_RET_KILL_PROCESS,
  SECCOMP_RET_KILL_THREAD,
  SECCOMP_RET_LOG,
  SECCOMP_RET_TRACE,
  SECCOMP_RET_TRAP,
  SECCOMP_RET_USER_NOTIF,
  SOCK_FILTER_SIZE,
  seccomp_data,
} from './uapi/seccomp.js';

/** One filter of a chain. */
export interface SeccompFilter {
  /** struct sock_filter, 8 bytes each. */
  program: Uint8Array;
  /** SECCOMP_FILTER_FLAG_LOG is all that the kernel shows. */
  flags: number;
}

/** What confines a thread: strict mode, or filters, the oldest first. */
export interface Seccomp {
  strict: boolean;
  filters: readonly SeccompFilter[];
}

export interface SystemCall {
  nr: number;
  args: readonly Word[];
  /** Behind the `syscall` instruction. */
  ip: number;
  /** Made as 32-bit code does, by a number of such code. */
  is32Bit?: boolean;
}

const ACTIONS = {
  SECCOMP_RET_KILL_PROCESS,
  SECCOMP_RET_KILL_THREAD,
  SECCOMP_RET_TRAP,
  SECCOMP_RET_ERRNO,
  SECCOMP_RET_USER_NOTIF,
  SECCOMP_RET_TRACE,
  SECCOMP_RET_LOG,
  SECCOMP_RET_ALLOW,
};
const ACTION_MASK = 0xffff_0000;

/** 'SECCOMP_RET_ERRNO' for 0x50001. */
export function actionName(action: number): string {
  const plain = (action & ACTION_MASK) >>> 0;
  const found = Object.entries(ACTIONS).find(([, value]) => value === plain);
  return found?.[0] ?? `action 0x${plain.toString(16)}`;
}

/** Whether the call is made. */
export function isAllowed(action: number): boolean {
  const plain = (action & ACTION_MASK) >>> 0;
  return plain === SECCOMP_RET_ALLOW || plain === SECCOMP_RET_LOG;
}

/** Whether the thread goes on behind the call at once, if without it. Without a tracer, TRACE is ENOSYS. */
export function isHarmless(action: number): boolean {
  const plain = (action & ACTION_MASK) >>> 0;
  return isAllowed(action) || plain === SECCOMP_RET_ERRNO || plain === SECCOMP_RET_TRACE;
}

/** read, write, exit and rt_sigreturn, and nothing else: seccomp(2), SECCOMP_SET_MODE_STRICT. */
const STRICT_CALLS: readonly number[] = [0, 1, 60, 15];
/** read, write, exit and sigreturn of 32-bit code. */
const STRICT_CALLS_32: readonly number[] = [3, 4, 1, 119];

/** The action of strict mode, or of all filters together: the one that takes precedence. */
export function judge({ strict, filters }: Seccomp, call: SystemCall): number {
  if (strict) {
    const allowed = call.is32Bit ? STRICT_CALLS_32 : STRICT_CALLS;
    return allowed.includes(call.nr) ? SECCOMP_RET_ALLOW : SECCOMP_RET_KILL_THREAD;
  }
  const data = viewOf(
    seccomp_data.encode({
      nr: call.nr,
      arch: call.is32Bit ? AUDIT_ARCH_I386 : AUDIT_ARCH_X86_64,
      instruction_pointer: toWord(call.ip),
      args: Array.from({ length: 6 }, (_, i) => toWord(call.args[i] ?? 0)),
    }),
  );
  let verdict = SECCOMP_RET_ALLOW;
  for (const { program } of filters) {
    const result = runFilter(program, data);
    if ((result & ACTION_MASK) < (verdict & ACTION_MASK)) verdict = result;
  }
  return verdict;
}

/** Whether one of the program's constants asks a supervisor (SECCOMP_RET_USER_NOTIF). */
export function asksSupervisor({ program }: SeccompFilter): boolean {
  const view = viewOf(program);
  for (let at = 0; at < program.length; at += SOCK_FILTER_SIZE) {
    const isReturn = view.getUint16(at, true) === RET_K;
    const action = (view.getUint32(at + 4, true) & ACTION_MASK) >>> 0;
    if (isReturn && action === SECCOMP_RET_USER_NOTIF) return true;
  }
  return false;
}

// linux/bpf_common.h: instruction classes, and what they do.
const LD = 0x00;
const LDX = 0x01;
const ST = 0x02;
const STX = 0x03;
const ALU = 0x04;
const JMP = 0x05;
const RET_K = 0x06;
const RET_A = 0x16;
const TAX = 0x07;
const TXA = 0x87;
const IMM = 0x00;
const ABS = 0x20;
const MEM = 0x60;
const LEN = 0x80;
const FROM_X = 0x08;
const DIV_X = 0x3c;

interface Machine {
  a: number;
  x: number;
  memory: Uint32Array;
  data: DataView;
}

/** The result of one program; kernels accept only programs that return. Throws `bug` for any other. */
export function runFilter(program: Uint8Array, data: DataView): number {
  const view = viewOf(program);
  const machine: Machine = { a: 0, x: 0, memory: new Uint32Array(16), data };
  for (let pc = 0; pc < program.length; pc += SOCK_FILTER_SIZE) {
    const code = view.getUint16(pc, true);
    const k = view.getUint32(pc + 4, true);
    if (code === RET_K) return k;
    if (code === RET_A) return machine.a;
    if ((code & 7) === JMP) {
      const taken = jumps(machine, code, k);
      const skipped = taken === undefined ? k : view.getUint8(pc + (taken ? 2 : 3));
      pc += skipped * SOCK_FILTER_SIZE;
    } else if (code === DIV_X && machine.x === 0) {
      // The kernel ends such a program with 0, which kills.
      return SECCOMP_RET_KILL_THREAD;
    } else {
      step(machine, code, k);
    }
  }
  throw bug('a seccomp filter ends without a verdict');
}

function step(machine: Machine, code: number, k: number): void {
  const { memory } = machine;
  if (code === TAX) machine.x = machine.a;
  else if (code === TXA) machine.a = machine.x;
  else if (code === ST) memory[k] = machine.a;
  else if (code === STX) memory[k] = machine.x;
  else if ((code & 7) === LD) machine.a = loaded(machine, code, k);
  else if ((code & 7) === LDX) machine.x = loaded(machine, code, k);
  else {
    assert((code & 7) === ALU, `a seccomp filter has the instruction 0x${code.toString(16)}`);
    machine.a = computed(machine.a, code & 0xf0, code & FROM_X ? machine.x : k);
  }
}

function loaded({ memory, data }: Machine, code: number, k: number): number {
  const mode = code & 0xe0;
  if (mode === IMM) return k;
  if (mode === MEM) return memory[k] ?? 0;
  if (mode === LEN) return data.byteLength;
  assert(mode === ABS, `a seccomp filter loads in mode 0x${mode.toString(16)}`);
  return data.getUint32(k, true);
}

function computed(a: number, operation: number, b: number): number {
  switch (operation) {
    case 0x00:
      return (a + b) >>> 0;
    case 0x10:
      return (a - b) >>> 0;
    case 0x20:
      return Math.imul(a, b) >>> 0;
    case 0x30:
      return Math.floor(a / b);
    case 0x40:
      return (a | b) >>> 0;
    case 0x50:
      return (a & b) >>> 0;
    case 0x60:
      return (a << b) >>> 0;
    case 0x70:
      return a >>> b;
    case 0x80:
      return -a >>> 0;
    case 0xa0:
      return (a ^ b) >>> 0;
    default:
      throw bug(`a seccomp filter computes 0x${operation.toString(16)}`);
  }
}

/** undefined: by k, always. */
function jumps({ a, x }: Machine, code: number, k: number): boolean | undefined {
  const b = code & FROM_X ? x : k;
  switch (code & 0xf0) {
    case 0x00:
      return undefined;
    case 0x10:
      return a === b;
    case 0x20:
      return a > b;
    case 0x30:
      return a >= b;
    case 0x40:
      return (a & b) !== 0;
    default:
      throw bug(`a seccomp filter jumps by 0x${code.toString(16)}`);
  }
}

/**
 * Functions in machine code that woodfrog calls, or lets the kernel call, in its own process: what JavaScript cannot
 * do. All follow the C calling convention and are position-independent.
 */
import { NR } from '../../linux/syscall-numbers.js';
import {
  type Assembled,
  assemble,
  cpuid,
  je,
  label,
  memory,
  move,
  moveImmediate32,
  moveImmediate64,
  negate,
  popRbx,
  pushRbx,
  ret,
  store,
  storeByte,
  syscallInstruction,
  testSelf,
} from './assembler.js';
import { tapeInstructions } from './tape-interpreter.js';

const AT_EMPTY_PATH = 0x1000;

/**
 * long cloneExec(struct clone_args *args, size_t size, int fd, const char *empty, char **argv, char **envp)
 * clone3(2); the child runs execveat(fd, empty, argv, envp, AT_EMPTY_PATH), or exits with its errno. Returns the pid, or
 * -errno. For CLONE_VM|CLONE_VFORK and no stack of its own: the child pushes nothing on the caller's stack. A signal
 * handler would: block all signals around the call (the new program inherits that mask), or add CLONE_CLEAR_SIGHAND.
 * Every pointer must stay valid until the call returns; the kernel returns after the exec.
 */
export const cloneExecStub: Assembled = assemble([
  // rcx, the fourth argument of a C function, does not survive a system call.
  move('r10', 'rcx'),
  moveImmediate32('eax', NR.clone3),
  syscallInstruction,
  testSelf('rax'),
  je('child'),
  ret,
  label('child'),
  move('edi', 'edx'),
  move('rsi', 'r10'),
  move('rdx', 'r8'),
  move('r10', 'r9'),
  moveImmediate32('r8d', AT_EMPTY_PATH),
  moveImmediate32('eax', NR.execveat),
  syscallInstruction,
  negate('eax'),
  move('edi', 'eax'),
  moveImmediate32('eax', NR.exit_group),
  syscallInstruction,
]);

/**
 * long cloneTape(struct clone_args *args, size_t size, void *epilogue)
 * clone3(2); the child runs the tape at the stack of `args`, whose epilogue is the one given. Returns the pid, or -errno.
 * For CLONE_VM: block all signals around the call, the child inherits that mask.
 */
export const cloneTapeStub: Assembled = assemble([
  moveImmediate32('eax', NR.clone3),
  syscallInstruction,
  testSelf('rax'),
  je('child'),
  ret,
  label('child'),
  move('r15', 'rdx'),
  ...tapeInstructions,
]);

/** void cpuidStub(uint32_t leaf, uint32_t subleaf, uint32_t out[4]): eax, ebx, ecx, edx. */
export const cpuidStub: Assembled = assemble([
  pushRbx,
  move('eax', 'edi'),
  move('ecx', 'esi'),
  move('rsi', 'rdx'),
  cpuid,
  store(memory('rsi', 0), 'eax'),
  store(memory('rsi', 4), 'ebx'),
  store(memory('rsi', 8), 'ecx'),
  store(memory('rsi', 12), 'edx'),
  popRbx,
  ret,
]);

const restorer = [label('restorer'), moveImmediate32('eax', NR.rt_sigreturn), syscallInstruction];

/**
 * A signal handler that does nothing, at label `handler`, and the code for sa_restorer at label `restorer`
 * (SA_RESTORER; the kernel gives none on x86-64). Without SA_RESTART it makes a blocking call return EINTR, in
 * whichever thread the signal was for: it has no state, so threads can share it.
 */
export const wakeHandler: Assembled = assemble([label('handler'), ret, ...restorer]);

/** As wakeHandler; sets the byte at `flagAddress` to 1, which the caller looks at after EINTR. */
export const flagHandler = (flagAddress: number): Assembled =>
  assemble([
    label('handler'),
    moveImmediate64('rax', flagAddress),
    storeByte(memory('rax'), 1),
    ret,
    ...restorer,
  ]);

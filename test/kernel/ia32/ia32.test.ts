/** Programs of 32-bit code: what is particular to them, and what every program does, compiled for them. */
import { test } from 'node:test';
import { compile } from '../../support/compile.js';
import { FLAGS_32, NO_32_BIT } from '../../support/ia32.js';
import { type KernelTest, kernelTest } from '../../support/kernel.js';

/** A program of 32-bit code has no vsyscall page; restored, it was born by a 64-bit one, and shows it. */
const VSYSCALL = /\/maps\/ffffffffff600000/;

function kernelTest32(spec: KernelTest): void {
  const { name, flags = FLAGS_32, ignore = [] } = spec;
  if (NO_32_BIT === undefined) kernelTest({ ...spec, flags, ignore: [...ignore, VSYSCALL] });
  else test(name, { skip: NO_32_BIT }, () => {});
}

for (const [args, where] of [
  ['thread', 'in a thread'],
  ['leader', 'in the main thread'],
] as const) {
  kernelTest32({
    name: `32-bit code keeps its registers ${where}: general, x87, SSE and AVX`,
    program: 'ia32/registers.c',
    args: [args],
    rounds: 2,
  });
}
for (const [play, what] of [
  ['segments', 'thread-local segments, in each thread'],
  ['frames', 'handlers that get frames as 32-bit code has them'],
  ['memory', 'memory below 4 GiB, and finds more there'],
  ['vdso', 'its vdso, and both ways into the kernel'],
  ['confined', 'filters that kill for any other code'],
  ['children', 'its children, and starts others'],
] as const) {
  kernelTest32({
    name: `32-bit code keeps ${what}`,
    program: 'ia32/program.c',
    args: [play],
    rounds: 2,
  });
}
kernelTest32({
  name: '32-bit code without a libc goes on',
  program: 'ia32/bare.c',
  flags: ['-m32', '-nostdlib', '-static', '-fno-pic', '-no-pie', '-fno-stack-protector'],
  rounds: 2,
});
for (const [kind, flags, other] of [
  ['64-bit program with a 32-bit child', [], FLAGS_32],
  ['32-bit program with a 64-bit child', FLAGS_32, []],
] as const) {
  if (NO_32_BIT !== undefined) continue;
  const args = ['0', compile('kernel/ia32/mixed.c', other)];
  kernelTest32({ name: `a ${kind} returns`, program: 'ia32/mixed.c', flags, args, rounds: 2 });
}

/** Programs of other tests, as 32-bit code. */
const ORDINARY: readonly [program: string, what: string, args?: readonly string[]][] = [
  ['waits/waits.c', 'calls that wait go on waiting', ['quiet']],
  ['waits/waits.c', 'a signal behind a stop interrupts a call', ['signalled']],
  ['waits/waits.c', 'a handler with SA_RESTART lets a call go on', ['restarted']],
  ['threads/properties.c', 'threads keep ids, names, TLS, tid address and rseq'],
  ['threads/robust.c', 'robust mutexes see their owner die'],
  ['threads/many.c', '64 threads on one condition variable go on'],
  ['threads/ended-leader.c', 'a process whose leader has ended goes on', ['exits']],
  ['signals/actions.c', 'the actions of all signals return'],
  ['signals/masks.c', 'masks and alternate stacks return'],
  ['signals/pending.c', 'pending signals return'],
  ['signals/handlers.c', 'a handler goes on, on an alternate stack', ['stack']],
  ['signals/handlers.c', 'a handler goes on, on a stack that is disarmed', ['disarmed-stack']],
  ['signals/handlers.c', 'a handler goes on inside another', ['nested']],
  ['cpu/rseq.c', 'an interrupted restartable sequence goes on at its abort handler'],
  ['memory/heap.c', 'the heap goes on from its break'],
  ['memory/shared-anonymous.c', 'shared memory stays shared'],
  ['timerfd/timerfd.c', 'timerfds keep their times', ['clocks']],
];
for (const [program, what, args = []] of ORDINARY) {
  // A stopped task inside sigsuspend(2) or ppoll(2) has that call's mask; it is set anew when the call goes on. That of a
  // leader which has ended is needed no more.
  const ignore = /^waits|ended-leader/.test(program) ? [/status\.SigBlk/] : [];
  kernelTest32({ name: `32-bit: ${what}`, program, args, ignore, rounds: 2 });
}

import { kernelTest } from '../../support/kernel.js';

kernelTest({
  name: 'threads keep ids, names, TLS, tid address and rseq',
  program: 'threads/properties.c',
  rounds: 2,
});
kernelTest({ name: 'robust mutexes still see their owner die', program: 'threads/robust.c' });
kernelTest({ name: '64 threads on one condition variable go on', program: 'threads/many.c' });
kernelTest({
  name: '1000 threads on one condition variable go on',
  program: 'threads/many.c',
  args: ['1000'],
  timeoutMs: 60_000,
});
for (const [args, what] of [
  ['exits', 'exits by another thread'],
  ['ends', 'ends with its last thread'],
] as const) {
  kernelTest({
    name: `a process whose leader has ended goes on, and ${what}`,
    program: 'threads/ended-leader.c',
    args: [args],
    rounds: 2,
    criuFails: 'zombie leaders are refused',
    // The leader's own, which it needs no more.
    ignore: [/^\d+\/status\.SigBlk/],
  });
}

import { kernelTest } from '../../support/kernel.js';

kernelTest({
  name: 'threads keep ids, names, TLS, tid address and rseq',
  program: 'threads/properties.c',
  rounds: 2,
});
kernelTest({ name: 'robust mutexes still see their owner die', program: 'threads/robust.c' });
kernelTest({ name: '64 threads on one condition variable go on', program: 'threads/many.c' });

import { kernelTest } from '../../support/kernel.js';

const program = 'scheduling/scheduling.c';
const criuFails = 'it does not save this';

kernelTest({ name: 'SCHED_FIFO with reset-on-fork stays', program, args: ['fifo'] });
kernelTest({ name: 'SCHED_RR stays', program, args: ['round-robin'] });
kernelTest({ name: 'SCHED_IDLE stays', program, args: ['idle'] });
kernelTest({ name: 'SCHED_BATCH with a nice value stays', program, args: ['batch'] });
kernelTest({ name: 'a chosen time slice stays', program, args: ['slice'], criuFails });
kernelTest({ name: 'CPU affinity and I/O priority stay', program, args: ['pinned'], criuFails });
kernelTest({
  name: 'a thread keeps scheduling of its own',
  program,
  args: ['thread'],
  rounds: 2,
  criuFails,
});

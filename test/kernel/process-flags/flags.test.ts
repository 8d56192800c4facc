import { kernelTest } from '../../support/kernel.js';

const program = 'process-flags/flags.c';
const criuFails = 'it does not save this';

kernelTest({ name: 'membarrier registrations stay', program, args: ['membarrier'] });
kernelTest({
  name: 'a thread keeps its own personality and memory error policy',
  program,
  args: ['thread'],
  rounds: 2,
  criuFails,
});
kernelTest({
  name: 'a thread without a personality stays so under a leader with one',
  program,
  args: ['thread-without'],
  criuFails,
});
kernelTest({
  name: 'a tree that denied itself memory both writable and executable is saved, and denies it on',
  program,
  args: ['mdwe'],
  rounds: 2,
  criuFails,
});
kernelTest({ name: 'PR_SET_MEMORY_MERGE stays', program, args: ['merge'], criuFails });
kernelTest({ name: 'PR_SET_IO_FLUSHER stays', program, args: ['io-flusher'], criuFails });
kernelTest({ name: 'speculation control stays', program, args: ['speculation'], criuFails });
kernelTest({
  name: 'a chosen futex hash stays',
  program,
  args: ['futex-hash'],
  rounds: 2,
  criuFails,
});
kernelTest({
  name: 'a process with threads and no futex hash of its own stays so',
  program,
  args: ['shared-futex-hash'],
  criuFails,
});

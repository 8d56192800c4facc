import { kernelTest } from '../../support/kernel.js';

kernelTest({
  name: 'FIFOs keep data, modes and capacity',
  program: 'fifos/fifos.c',
  rounds: 2,
});

const ends = (play: string, name: string, more: object = {}): void =>
  kernelTest({ name, program: 'fifos/ends.c', args: [play], rounds: 2, ...more });

ends('writer', 'a FIFO whose reader has gone keeps what waits for the next', {
  criuFails: 'it does not save what is queued',
});
ends('reader', 'a FIFO without a writer yet waits for one', {
  criuFails: 'its reader is told of a hang-up',
});
ends('deleted', 'a deleted FIFO stays between two tasks, and in one', {
  // The kernel numbers inodes anew.
  ignore: [/fdinfo\/\d+$/],
});
ends('waiting', 'a task goes on waiting in open(2) for the other end');

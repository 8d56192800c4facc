import { kernelTest } from '../../support/kernel.js';

const program = 'files/paths.c';
const criuFails = 'it takes the path of a FIFO for the FIFO';

kernelTest({
  name: 'descriptors that are only a path lead to files of every type',
  ...{ program, args: ['types'], rounds: 2, criuFails },
});
kernelTest({
  name: 'descriptors that are only a path keep deleted files',
  ...{ program, args: ['deleted'], rounds: 2, criuFails },
  // The kernel numbers inodes anew.
  ignore: [/fdinfo\/\d+$/],
});

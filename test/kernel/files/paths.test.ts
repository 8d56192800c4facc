import { kernelTest } from '../../support/kernel.js';

const program = 'files/paths.c';

kernelTest({
  name: 'descriptors that are only a path lead to files of every type',
  ...{ program, args: ['types'], rounds: 2 },
});
kernelTest({
  name: 'descriptors that are only a path keep deleted files',
  ...{ program, args: ['deleted'], rounds: 2 },
  // The kernel numbers inodes anew.
  ignore: [/fdinfo\/\d+$/],
});

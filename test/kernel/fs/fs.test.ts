import { kernelTest } from '../../support/kernel.js';

kernelTest({ name: 'working directory and umask belong to each process', program: 'fs/fs.c' });
kernelTest({
  name: 'a root changed by chroot stays',
  program: 'fs/fs.c',
  args: ['chroot'],
  releaseIn: 'jail',
});

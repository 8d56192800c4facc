import { kernelTest } from '../../support/kernel.js';

kernelTest({
  name: 'regular files keep position, flags and who shares them',
  program: 'files/regular.c',
  rounds: 2,
});
kernelTest({
  name: 'directories are read on from where they were',
  program: 'files/directories.c',
  criuFails: 'O_DIRECTORY is dropped from the flags',
});
kernelTest({ name: 'null, zero, full, random and urandom work', program: 'files/devices.c' });
kernelTest({
  name: 'descriptor numbers return, above the soft limit too',
  program: 'files/numbers.c',
  rounds: 2,
});
kernelTest({
  name: 'a shared descriptor table stays shared',
  program: 'files/shared-table.c',
  args: ['files'],
});
kernelTest({
  name: 'a shared working directory stays shared',
  program: 'files/shared-table.c',
  args: ['fs'],
  criuFails: 'CLONE_FS is refused',
});

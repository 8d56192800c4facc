import { kernelTest } from '../../support/kernel.js';

kernelTest({
  name: 'the vdso tells the right time at its old address',
  program: 'vdso/vdso.c',
  rounds: 2,
});

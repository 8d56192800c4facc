import { kernelTest } from '../../support/kernel.js';

kernelTest({
  name: 'FIFOs keep data, modes and capacity',
  program: 'fifos/fifos.c',
  rounds: 2,
});

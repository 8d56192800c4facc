import { kernelTest } from '../../support/kernel.js';

kernelTest({
  name: 'general, x87, SSE, AVX and AVX-512 registers return',
  program: 'registers/registers.c',
  rounds: 2,
});

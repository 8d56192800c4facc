import { kernelTest } from '../../support/kernel.js';

kernelTest({
  name: 'private anonymous memory keeps its bytes, and untouched pages stay untouched',
  program: 'memory/anonymous.c',
  rounds: 2,
});

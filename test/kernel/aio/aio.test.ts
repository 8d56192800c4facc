import { kernelTest } from '../../support/kernel.js';

kernelTest({
  name: 'AIO contexts keep events that nobody has taken, and their place in the ring',
  program: 'aio/aio.c',
  rounds: 2,
});

import { kernelTest } from '../../support/kernel.js';

kernelTest({
  name: 'pipes keep data, capacity, flags and closed ends',
  program: 'pipes/pipes.c',
  rounds: 2,
});

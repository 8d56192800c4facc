import { kernelTest } from '../../support/kernel.js';

kernelTest({
  name: 'signalfds keep their sets and read what was pending',
  program: 'signalfd/signalfd.c',
  rounds: 2,
});

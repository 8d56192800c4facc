import { kernelTest } from '../../support/kernel.js';

kernelTest({
  name: 'eventfds keep counters, flags and who shares them',
  program: 'eventfd/eventfd.c',
  args: ['shared'],
  rounds: 2,
});

kernelTest({
  name: 'an eventfd keeps a counter above 2^32, up to its limit',
  program: 'eventfd/eventfd.c',
  args: ['wide'],
  rounds: 2,
  criuFails: 'it gives back the lower 32 bits',
});

kernelTest({
  name: 'an eventfd remains a semaphore',
  program: 'eventfd/eventfd.c',
  args: ['semaphore'],
  rounds: 2,
  criuFails: 'its images have no place for EFD_SEMAPHORE',
});

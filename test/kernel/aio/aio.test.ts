import { kernelTest } from '../../support/kernel.js';

kernelTest({
  name: 'AIO contexts keep events that nobody has taken, and their place in the ring',
  program: 'aio/aio.c',
  rounds: 2,
});

kernelTest({
  name: 'a child keeps the rings of AIO contexts that fork has copied',
  program: 'aio/aio.c',
  args: ['forked'],
  // They are its own then.
  ignore: [/maps\//],
});

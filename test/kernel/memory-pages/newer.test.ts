import { kernelTest } from '../../support/kernel.js';

const program = 'memory-pages/newer.c';

kernelTest({ name: 'guard pages guard again', program, args: ['guards'] });
kernelTest({ name: 'droppable memory is droppable again', program, args: ['droppable'] });
kernelTest({
  name: 'sealed memory is sealed again',
  program,
  args: ['sealed'],
  criuFails: 'seals are lost',
});
kernelTest({
  name: 'memory of /dev/zero, write-only, locked and untouchable, once writable',
  program,
  args: ['odd'],
  criuFails: 'MLOCK_ONFAULT is lost',
});
kernelTest({
  name: 'a shared object of which only parts are mapped is one again',
  program,
  args: ['parts'],
  rounds: 2,
});

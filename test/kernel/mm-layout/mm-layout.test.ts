import { kernelTest } from '../../support/kernel.js';

kernelTest({
  name: 'exe, arguments, environment, auxv and layout marks return',
  program: 'mm-layout/layout.c',
  args: ['as-started', 'an argument', ''],
  env: { SOME_VARIABLE: 'some value', EMPTY: '' },
});
kernelTest({
  name: 'arguments moved by PR_SET_MM_MAP stay moved',
  program: 'mm-layout/layout.c',
  args: ['moved'],
});

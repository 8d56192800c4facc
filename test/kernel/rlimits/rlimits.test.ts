import { kernelTest } from '../../support/kernel.js';

kernelTest({ name: 'all sixteen resource limits return', program: 'rlimits/rlimits.c' });

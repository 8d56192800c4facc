import { kernelTest } from '../../support/kernel.js';

kernelTest({ name: 'all sixteen resource limits return', program: 'rlimits/rlimits.c' });
kernelTest({
  name: "limits of another user's process return",
  program: 'rlimits/other-users.c',
  rounds: 2,
  criuFails: 'without CAP_SYS_RESOURCE it cannot read the limits of another user',
});

import { kernelTest } from '../../support/kernel.js';
import { sleep } from '../../support/wait.js';

kernelTest({
  name: 'monotonic and boot-time clocks do not jump',
  program: 'clocks/monotonic.c',
  rounds: 2,
  betweenRuns: () => sleep(3000),
});
kernelTest({
  name: 'interrupted system calls go on, and sleeps keep their length',
  program: 'clocks/interrupted.c',
  betweenRuns: () => sleep(300),
});
kernelTest({
  name: 'a dump with -R lets every system call go on as if nothing had happened',
  program: 'clocks/interrupted.c',
  args: ['strict'],
  leaveRunningOnly: true,
  criuFails: 'relative sleeps return EINTR',
});

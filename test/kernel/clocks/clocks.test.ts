import { kernelTest } from '../../support/kernel.js';
import { sleep } from '../../support/wait.js';

/** Its threads end when their two seconds are over, which on a slow machine is before they are looked at. */
const ENDING = [/\/task\//, /num_threads$/, /status\.Threads$/];

kernelTest({
  name: 'monotonic and boot-time clocks do not jump',
  program: 'clocks/monotonic.c',
  rounds: 2,
  betweenRuns: () => sleep(3000),
});
kernelTest({
  name: 'nor do they in a time namespace of its own',
  program: 'clocks/monotonic.c',
  args: ['own'],
  rounds: 2,
  betweenRuns: () => sleep(3000),
});
kernelTest({
  name: 'interrupted system calls go on, and sleeps keep their length',
  program: 'clocks/interrupted.c',
  ignore: ENDING,
  betweenRuns: () => sleep(300),
});
kernelTest({
  name: 'a dump with -R lets every system call go on as if nothing had happened',
  program: 'clocks/interrupted.c',
  ignore: ENDING,
  args: ['strict'],
  leaveRunningOnly: true,
  criuFails: 'relative sleeps return EINTR',
});

import { kernelTest } from '../../support/kernel.js';

/** Expirations are counted while nobody looks. */
const ignore = [/fdinfo/];

kernelTest({
  name: 'timerfds of all clocks keep the time that is left, absolute ones their time of the clock',
  program: 'timerfd/timerfd.c',
  args: ['clocks'],
  rounds: 2,
  criuFails: 'it moves absolute times by what passed between dump and restore',
});

kernelTest({
  name: 'timerfds that wake the machine keep their time, too',
  program: 'timerfd/timerfd.c',
  args: ['alarms'],
  criuFails: 'it does not know their clocks',
});

kernelTest({
  name: 'timerfds keep expirations that nobody has read, and go on',
  program: 'timerfd/timerfd.c',
  args: ['expired'],
  rounds: 2,
  ignore,
  criuFails: 'it stops a periodic timer that has expired and waits to be read',
});

kernelTest({
  name: 'a timerfd wakes the child that waits for it',
  program: 'timerfd/timerfd.c',
  args: ['waiting'],
  ignore,
});

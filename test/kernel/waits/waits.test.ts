import { kernelTest } from '../../support/kernel.js';

const program = 'waits/waits.c';
const rounds = 2;
/** A stopped task inside sigsuspend(2) or ppoll(2) has that call's mask; it is set anew when the call goes on. */
const ignore = [/status\.SigBlk/];

kernelTest({
  name: 'calls that wait go on waiting, and none says EINTR',
  program,
  args: ['quiet'],
  rounds,
});
kernelTest({
  name: 'a signal that waited behind a stop interrupts the call that was stopped',
  program,
  args: ['signalled'],
  rounds,
  ignore,
});
kernelTest({
  name: 'a handler with SA_RESTART lets the call go on, where signal(7) says so',
  program,
  args: ['restarted'],
  rounds,
  ignore,
});

import { kernelTest } from '../../support/kernel.js';

const program = 'credentials/credentials.c';
// prlimit(2) on another user's task; /proc/PID/limits needs no capability.
const criuFails = 'without CAP_SYS_RESOURCE it cannot read the limits of another user';

kernelTest({
  name: 'root with reduced capabilities, securebits, ambient set and no_new_privs stays so',
  program,
  args: ['root-reduced'],
  criuFails,
});
kernelTest({ name: 'an ordinary user stays one', program, args: ['user'], criuFails, rounds: 2 });
kernelTest({
  name: 'real, effective and saved ids may differ',
  program,
  args: ['mixed-ids'],
  criuFails,
});
kernelTest({
  name: 'a user with capabilities keeps them',
  program,
  args: ['user-with-caps'],
  criuFails,
});
kernelTest({
  name: "a thread keeps credentials that differ from its leader's",
  program,
  args: ['thread'],
});
kernelTest({
  name: 'a child of root may be an ordinary user',
  program,
  args: ['child'],
  criuFails,
});

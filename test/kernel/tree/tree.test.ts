import { kernelTest } from '../../support/kernel.js';

/** Of no use to the dead any more. */
const DEAD = [/status\.(SigBlk|SigIgn|ShdPnd)$/];

kernelTest({
  name: 'parents, groups, sessions and exit codes return',
  program: 'tree/family.c',
  rounds: 2,
});
kernelTest({
  name: 'deaths of restored children are told to their parent',
  program: 'tree/wide.c',
});
kernelTest({
  name: 'the dead wait for their parents, with their status',
  program: 'tree/zombie.c',
  rounds: 2,
  ignore: DEAD,
});
kernelTest({
  name: 'a dead child keeps a status above 127',
  program: 'tree/zombie.c',
  args: ['255'],
  ignore: DEAD,
});
for (const [args, what] of [
  ['memory', 'memory alone'],
  ['handlers', 'memory and signal handlers'],
  ['all', 'memory, handlers, descriptors and directory'],
] as const) {
  kernelTest({
    name: `processes go on sharing ${what}`,
    program: 'tree/shared-memory.c',
    args: [args],
    rounds: 2,
    criuFails: 'it restores copies, or refuses',
  });
}
kernelTest({
  name: 'who shares signal handlers is not told again of a child that has ended',
  program: 'tree/shared-handlers.c',
  rounds: 2,
  ignore: [...DEAD, /status\.SigCgt$/],
  criuFails: 'it restores copies, or refuses',
});
kernelTest({
  name: 'exit signals other than SIGCHLD return, and are told',
  program: 'tree/exit-signals.c',
  rounds: 2,
  // Of the zombies: what they would have done with signals.
  ignore: [/status\.Sig(Blk|Ign|Cgt)/],
  criuFails: 'exit signals become SIGCHLD',
});
kernelTest({
  name: 'a table shared past a process in between stays shared',
  program: 'tree/carried-table.c',
  rounds: 2,
});
kernelTest({
  name: 'orphans stay with whoever took them in, in groups and sessions without leaders',
  program: 'tree/orphans.c',
  rounds: 2,
});
for (const [args, what] of [
  ['deep', '200 deep'],
  ['wide', '200 wide'],
] as const) {
  kernelTest({ name: `a tree ${what} returns`, program: 'tree/deep.c', args: [args] });
}

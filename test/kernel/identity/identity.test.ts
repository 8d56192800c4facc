import { kernelTest } from '../../support/kernel.js';

const cases: ReadonlyArray<{ name: string; args: readonly string[]; criuFails?: string }> = [
  { name: 'a name with brackets and spaces stays', args: ['comm'] },
  { name: 'personality stays', args: ['personality'], criuFails: 'the personality is lost' },
  { name: 'oom_score_adj stays', args: ['oom-score'] },
  { name: 'a process that is not dumpable stays so', args: ['not-dumpable'] },
  { name: 'the parent-death signal stays', args: ['death-signal'] },
  {
    name: 'the parent-death signal of a user comes when its parent dies',
    args: ['orphaned'],
  },
  { name: 'the login user stays', args: ['login-user'] },
  { name: 'a child subreaper stays one', args: ['subreaper'] },
  {
    name: 'timer slack stays, per thread',
    args: ['timer-slack'],
    criuFails: 'timer slack is lost',
  },
  { name: 'PR_SET_THP_DISABLE stays', args: ['no-huge-pages'] },
  { name: 'coredump_filter stays', args: ['core-filter'], criuFails: 'coredump_filter is lost' },
  { name: 'niceness stays', args: ['nice'] },
];

for (const one of cases) kernelTest({ program: 'identity/identity.c', ...one });

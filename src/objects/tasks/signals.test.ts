import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  goldenCore,
  inspectState,
  rebuildState,
  status,
  stepsOf,
  subject,
} from '../../../test/support/task-states.js';
import {
  SI_USER,
  SIGCHLD,
  SIGCONT,
  SIGSTOP,
  SIGTERM,
  SIGTSTP,
  SIGUSR1,
  sigaction,
  sigaction32,
  siginfo,
  sigmask,
  stack_t,
} from '../../linux/signal.js';
import { defined } from '../../support/assert.js';
import { pid } from '../../support/brand.js';
import { pendingPrivate, pendingShared } from './pending-signals.js';
import { ACTION_SIGNALS, signalActions } from './signal-actions.js';
import { blockedSignals, signalMask } from './signal-mask.js';
import { signalStack } from './signal-stack.js';

const golden = goldenCore('tasks', 11073);
const tc = defined(golden.tc, 'the golden core is a leader');

test('signal actions are those of the golden image', () => {
  const patch = inspectState(signalActions, subject(), {
    answer: (_, { signum }) => {
      const entry = tc.sigactions[ACTION_SIGNALS.indexOf(signum as number)];
      const { sigaction: sa_handler, flags, restorer, mask } = defined(entry, 'an action');
      return [
        0,
        sigaction.encode({ sa_handler, sa_flags: flags, sa_restorer: restorer, sa_mask: mask }),
      ];
    },
  });
  assert.deepEqual(patch.tc?.sigactions, tc.sigactions);
});

test('all 62 actions are set, once no child can end any more', () => {
  const steps = stepsOf(signalActions, { core: golden });
  assert.deepEqual(steps.slice(0, 5), [
    'task state:',
    `rt_sigaction(${SIGCHLD}, <32 bytes>, NULL, 8)`,
    'threads:',
    `rt_sigaction(${SIGCHLD}, <32 bytes>, NULL, 8)`,
    'rt_sigaction(1, <32 bytes>, NULL, 8)',
  ]);
  assert.equal(steps.length, 4 + 62);
  const { plan } = rebuildState(signalActions, { core: golden });
  const last = plan.tracks[0]?.steps.at(-1)?.args as { signum: number; act: Uint8Array };
  assert.equal(last.signum, 64);
  const usr1 = plan.tracks[0]?.steps
    .map(({ args }) => args as { signum: number; act: Uint8Array })
    .findLast(({ signum }) => signum === SIGUSR1);
  assert.deepEqual(sigaction.decode(defined(usr1, 'SIGUSR1').act), {
    sa_handler: 0x401665n,
    sa_flags: 0x14000000n,
    sa_restorer: 0x4089c0n,
    sa_mask: 0n,
  });
});

test('actions of 32-bit code are saved as such, and set as such code sets them', () => {
  const patch = inspectState(signalActions, subject({}, { is32Bit: true }), {
    answer: () => [0, sigaction.encode({ sa_handler: 0x8049_000n, sa_mask: 1n << 40n })],
  });
  const [first] = defined(patch.tc?.sigactions, 'actions');
  assert.equal(first?.compat_sigaction, true);
  const core = structuredClone(golden);
  const entry = defined(core.tc?.sigactions[0], 'SIGHUP');
  Object.assign(entry, { ...first, flags: 0x4n });
  const { plan } = rebuildState(signalActions, { core });
  const step = plan.tracks[0]?.steps.find(({ call }) => call.ia32);
  const { signum, act } = defined(step, 'a call').args as { signum: number; act: Uint8Array };
  assert.equal(signum, 1);
  assert.deepEqual(sigaction32.decode(act), {
    ...{ sa_handler: 0x8049_000, sa_flags: 4, sa_restorer: 0, sa_mask_low: 0, sa_mask_high: 256 },
  });
  entry.restorer = 1n << 32n;
  assert.throws(() => stepsOf(signalActions, { core }), /SIGHUP has 0x100000000, beyond 32-bit/);
});

test('an image without its 62 actions is refused', () => {
  const few = { ...golden, tc: { ...tc, sigactions: tc.sigactions.slice(1) } };
  assert.throws(() => stepsOf(signalActions, { core: few }), /61 signal actions, not 62/);
});

test("the mask of the leader is its process's, that of a thread its own", () => {
  const sigmask = 0x1000000200n;
  assert.deepEqual(inspectState(signalMask, subject({ sigmask })), { tc: { blk_sigset: sigmask } });
  const thread = subject({ sigmask, tid: pid(413) });
  assert.deepEqual(inspectState(signalMask, thread), { thread_core: { blk_sigset: sigmask } });
  assert.equal(blockedSignals({ vtid: 11073, core: golden }), sigmask);
  assert.throws(() => blockedSignals({ vtid: 5, core: { mtype: 1 } }), /no signal mask/);
});

test('pending signals keep their siginfo and order', () => {
  const infos = defined(tc.signals_s, 'queue').signals.map((entry) => entry.siginfo);
  const patch = inspectState(pendingShared, subject({}, { pendingShared: infos }));
  assert.deepEqual(patch.tc?.signals_s, tc.signals_s);
  assert.deepEqual(inspectState(pendingPrivate, subject()).thread_core?.signals_p, { signals: [] });
  assert.deepEqual(stepsOf(pendingShared, { core: golden, vpid: 11073 }), [
    'pending signals:',
    'rt_sigqueueinfo(11073, 10, <128 bytes>)',
    'rt_sigqueueinfo(11073, 37, <128 bytes>)',
  ]);
  const thread = { ...golden, thread_core: { ...golden.thread_core, signals_p: tc.signals_s } };
  assert.deepEqual(stepsOf(pendingPrivate, { core: thread as never, vpid: 11073, vtid: 11077 }), [
    'pending signals:',
    'rt_tgsigqueueinfo(11073, 11077, 10, <128 bytes>)',
    'rt_tgsigqueueinfo(11073, 11077, 37, <128 bytes>)',
  ]);
});

test('a signal that is pending without a siginfo is saved as sent by nobody', () => {
  const who = subject({ status: status({ SigPnd: sigmask(SIGTERM) }) });
  const patch = inspectState(pendingPrivate, who);
  const [only, ...more] = patch.thread_core?.signals_p?.signals ?? [];
  assert.equal(more.length, 0);
  const { si_signo, si_code } = siginfo.decode(defined(only, 'one').siginfo);
  assert.deepEqual([si_signo, si_code], [SIGTERM, SI_USER]);
});

test('SIGSTOP on its way is sent again last of all; a stopped process has no use for it', () => {
  const pending = [siginfo.encode({ si_signo: SIGSTOP })];
  const { thread_core } = inspectState(pendingPrivate, subject({ pending }));
  const core = { ...golden, thread_core: { ...golden.thread_core, ...thread_core } } as never;
  assert.deepEqual(stepsOf(pendingPrivate, { core }), []);
  assert.equal(rebuildState(pendingPrivate, { core }).thread.task.stopsLate, true);
  const stopped = inspectState(pendingPrivate, subject({ pending }, { stopSignal: SIGTSTP }));
  assert.deepEqual(stopped.thread_core?.signals_p, { signals: [] });
});

test('SIGCONT and the signals that stop take one another from the queues', () => {
  const lists = (mask: bigint, queued: number): number[] => {
    const pendingShared_ = [siginfo.encode({ si_signo: queued })];
    const who = subject({ status: status({ ShdPnd: mask }) }, { pendingShared: pendingShared_ });
    const { tc: patch } = inspectState(pendingShared, who);
    return (patch?.signals_s?.signals ?? []).map((one) => siginfo.decode(one.siginfo).si_signo);
  };
  assert.deepEqual(lists(sigmask(SIGTSTP), SIGCONT), [SIGCONT]);
  assert.deepEqual(lists(sigmask(SIGCONT), SIGTSTP), [SIGTSTP]);
  assert.deepEqual(lists(sigmask(SIGTERM), SIGTSTP), [SIGTSTP, SIGTERM]);
});

test('an alternate stack is set again; that a handler ran on it is no state', () => {
  const SS_AUTODISARM = 0x8000_0000;
  const stack = stack_t.encode({ ss_sp: 0x7000n, ss_flags: SS_AUTODISARM + 1, ss_size: 8192n });
  const patch = inspectState(signalStack, subject(), { answer: () => [0, stack] });
  assert.deepEqual(patch.thread_core?.sas, {
    ss_sp: 0x7000,
    ss_size: 8192,
    ss_flags: SS_AUTODISARM,
  });
  const core = { ...golden, thread_core: { ...golden.thread_core, ...patch.thread_core } };
  assert.deepEqual(stepsOf(signalStack, { core: core as never }), [
    'threads:',
    'sigaltstack(<24 bytes>, NULL)',
  ]);
  assert.deepEqual(stepsOf(signalStack, { core: golden }), []);
});

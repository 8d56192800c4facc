import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  fakePort,
  goldenCore,
  inspectState,
  ROOT_STATUS,
  status,
  stepsOf,
  subject,
} from '../../../test/support/task-states.js';
import { defined } from '../../support/assert.js';
import type { CoreEntry } from '../rebuild-context.js';
import { dumpable, parentDeathSignal } from './after-credentials.js';
import { credentials } from './credentials.js';

const golden = goldenCore('tasks', 11073);
const creds = defined(golden.thread_core?.creds, 'credentials');
const withCreds = (changes: Partial<typeof creds>): CoreEntry => ({
  ...golden,
  thread_core: { ...defined(golden.thread_core, 'thread'), creds: { ...creds, ...changes } },
});
const user = { uid: 1001, euid: 1001, suid: 1001, fsuid: 1001 };
const group = { gid: 1002, egid: 1002, sgid: 1002, fsgid: 1002 };
const none = [0, 0];

test("root's credentials are those of the golden image", () => {
  assert.deepEqual(inspectState(credentials, subject()).thread_core?.creds, creds);
});

test('ids, groups, sets, securebits and no_new_privs are saved', () => {
  const who = subject({
    status: status({
      Uid: [1, 2, 3, 4],
      Gid: [5, 6, 7, 8],
      Groups: [9, 10],
      CapAmb: 0x1_0000_0002n,
      NoNewPrivs: true,
    }),
  });
  const patch = inspectState(credentials, who, { answer: () => 0x14 });
  assert.deepEqual(patch.thread_core?.creds, {
    ...{ uid: 1, euid: 2, suid: 3, fsuid: 4, gid: 5, egid: 6, sgid: 7, fsgid: 8 },
    ...{ secbits: 0x14, groups: [9, 10], cap_amb: [2, 1], no_new_privs: 1 },
    ...{ cap_inh: none, cap_prm: creds.cap_prm, cap_eff: creds.cap_eff, cap_bnd: creds.cap_bnd },
  });
});

test('what a puppet has anyway takes no step and no privilege', () => {
  assert.deepEqual(stepsOf(credentials, { core: golden }), []);
});

test('an ordinary user: capabilities go last', () => {
  const core = withCreds({ ...user, ...group, groups: [7, 8], cap_prm: none, cap_eff: none });
  assert.deepEqual(stepsOf(credentials, { core }), [
    'credentials:',
    'prctl(PR_SET_SECUREBITS, 0x4, 0x0, 0x0, 0x0)',
    'setgroups(2, <8 bytes>)',
    'setresgid(1002, 1002, 1002)',
    'setresuid(1001, 1001, 1001)',
    'prctl(PR_SET_SECUREBITS, NULL, 0x0, 0x0, 0x0)',
    'capset({"version":537396514,"pid":0}, <24 bytes>)',
  ]);
});

test('the full set of steps comes in an order in which none undoes another', () => {
  const CAP_KILL = 1 << 5;
  const core = withCreds({
    ...{ ...user, fsuid: 77, fsgid: 78, secbits: 0x40, no_new_privs: 1 },
    cap_inh: [CAP_KILL, 0],
    cap_amb: [CAP_KILL, 0],
    cap_prm: [CAP_KILL, 0],
    cap_eff: none,
    cap_bnd: [creds.cap_bnd[0] ?? 0, 0xff],
  });
  assert.deepEqual(stepsOf(credentials, { core }), [
    'credentials:',
    'prctl(PR_SET_SECUREBITS, 0x4, 0x0, 0x0, 0x0)',
    'setfsgid(78)',
    'setfsgid(-1) = must be 78',
    'setresuid(1001, 1001, 1001)',
    'setfsuid(77)',
    'setfsuid(-1) = must be 77',
    'capset({"version":537396514,"pid":0}, <24 bytes>)',
    'prctl(PR_CAPBSET_DROP, 0x28, 0x0, 0x0, 0x0)',
    'prctl(PR_CAP_AMBIENT, 0x4, 0x0, 0x0, 0x0)',
    'prctl(PR_CAP_AMBIENT, 0x2, 0x5, 0x0, 0x0)',
    'prctl(PR_SET_SECUREBITS, 0x40, 0x0, 0x0, 0x0)',
    'capset({"version":537396514,"pid":0}, <24 bytes>)',
    'prctl(PR_SET_NO_NEW_PRIVS, 0x1, 0x0, 0x0, 0x0)',
  ]);
});

const asUser = fakePort({
  files: {
    '/proc/thread-self/status': ROOT_STATUS.replace(
      'Uid:\t0\t0\t0\t0',
      'Uid:\t5\t5\t5\t5',
    ).replaceAll(/^(Cap(?:Prm|Eff):\t).*/gm, '$10000000000000000'),
  },
});

test('what woodfrog may not give is refused by name before anything is made', () => {
  const refuses = (changes: Partial<typeof creds>, says: RegExp, port = fakePort()) =>
    assert.throws(() => stepsOf(credentials, { core: withCreds(changes), port }), says);
  const more: [number, number] = [0xffff_ffff, 0x1ff];
  refuses({ cap_bnd: more }, /bounding set holds CAP_SYS_RESOURCE, which woodfrog itself lacks/);
  refuses({ cap_prm: more }, /permitted set holds CAP_SYS_RESOURCE/);
  refuses({ cap_prm: none, cap_eff: none }, /user ids are 0 0 0 0, which takes CAP_SETUID/, asUser);
  const confined = fakePort({
    files: { '/proc/thread-self/status': ROOT_STATUS.replace('NoNewPrivs:\t0', 'NoNewPrivs:\t1') },
  });
  refuses({}, /woodfrog has no_new_privs set/, confined);
  refuses({ cap_prm: [0, 0, 1] }, /3 words, not 2/);
});

test("an ordinary user restores what is the same user's", () => {
  const same = { uid: 5, euid: 5, suid: 5, fsuid: 5, cap_prm: none, cap_eff: none };
  assert.deepEqual(stepsOf(credentials, { core: withCreds(same), port: asUser }), []);
});

test('the dumpable flag is set when no credentials change any more', () => {
  assert.deepEqual(inspectState(dumpable, subject(), { answer: () => 1 }), { mm: { dumpable: 1 } });
  assert.deepEqual(stepsOf(dumpable, { core: golden, mm: { dumpable: 0 } }), [
    'commit:',
    'prctl(PR_SET_DUMPABLE, NULL, 0x0, 0x0, 0x0)',
  ]);
});

test('dumpable by root alone comes from a change of ids, where the system says so', () => {
  const given = { core: golden, mm: { dumpable: 2 } };
  assert.throws(() => stepsOf(dumpable, given), /fs.suid_dumpable is 0 here, it was 2/);
  const port = fakePort({ files: { '/proc/sys/fs/suid_dumpable': '2\n' } });
  assert.deepEqual(stepsOf(dumpable, { ...given, port }), [
    'pending signals:',
    'setfsuid(1)',
    'setfsuid(0) = must be 1',
  ]);
});

test('a parent-death signal is set after the credentials', () => {
  const SIGTERM = new Uint8Array([15, 0, 0, 0]);
  const patch = inspectState(parentDeathSignal, subject(), { answer: () => [0, SIGTERM] });
  assert.deepEqual(patch, { thread_core: { pdeath_sig: 15 } });
  assert.deepEqual(inspectState(parentDeathSignal, subject()), {});
  const core = { ...golden, thread_core: { ...golden.thread_core, ...patch.thread_core } };
  assert.deepEqual(stepsOf(parentDeathSignal, { core: core as never }), [
    'credentials:',
    'prctl(PR_SET_PDEATHSIG, 0xf, 0x0, 0x0, 0x0)',
  ]);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseStat } from './stat.js';

// Linux 6.18, PR_SET_NAME to 'a) (b\n\\'.
const NASTY =
  '8109 (a) (b\n\\) R 8104 8104 2166 0 -1 4194560 3114 6563 6 0 3 1 4 1 20 0 1 0 96947 ' +
  '19062784 3649 18446744073709551615 93933467324416 93933467324757 140736746629264 0 0 0 0 ' +
  '16781312 2 0 0 0 17 1 0 0 0 0 0 93933467336112 93933467336728 93934443167744 ' +
  '140736746637556 140736746637609 140736746637609 140736746639311 0\n';
// Linux 6.18, exited with 3.
const ZOMBIE =
  '10376 (python3) Z 10334 10288 2166 0 -1 4227148 226 0 0 0 0 0 0 0 20 0 1 0 122793 0 0 ' +
  '18446744073709551615 0 0 0 0 0 0 0 16781312 2 1 0 0 17 0 0 0 0 0 0 0 0 0 0 0 0 0 768\n';
// Linux 5.4: on pts/3, nice -5, SCHED_RR 10.
const TERMINAL =
  '1234 (Web Content) S 1200 1200 1200 34819 1300 4194304 900 0 0 0 15 3 0 0 -11 -5 27 0 ' +
  '5000 1000000 200 18446744073709551615 4194304 4200000 140721000000000 0 0 0 0 4096 ' +
  '134365187 0 0 0 -1 3 10 2 0 0 0 6300000 6310000 30000000 140721000001000 140721000001010 ' +
  '140721000001010 140721000002000 0\n';

test('a name may hold parentheses, spaces, newlines and backslashes', () => {
  const stat = parseStat(NASTY);
  assert.equal(stat.comm, 'a) (b\n\\');
  assert.equal(stat.pid, 8109);
  assert.equal(stat.state, 'R');
});

test('every field is taken from its place', () => {
  assert.deepEqual(parseStat(NASTY), {
    pid: 8109,
    comm: 'a) (b\n\\',
    state: 'R',
    ppid: 8104,
    pgrp: 8104,
    session: 2166,
    tty_nr: 0,
    tpgid: -1,
    flags: 4194560,
    priority: 20,
    nice: 0,
    num_threads: 1,
    starttime: 96947,
    start_code: 93933467324416,
    end_code: 93933467324757,
    start_stack: 140736746629264,
    exit_signal: 17,
    rt_priority: 0,
    policy: 0,
    start_data: 93933467336112,
    end_data: 93933467336728,
    start_brk: 93934443167744,
    arg_start: 140736746637556,
    arg_end: 140736746637609,
    env_start: 140736746637609,
    env_end: 140736746639311,
    exit_code: 0,
  });
});

test('a zombie has no memory, and its exit code', () => {
  const stat = parseStat(ZOMBIE);
  assert.equal(stat.state, 'Z');
  assert.equal(stat.start_brk, 0);
  assert.equal(stat.exit_code, 3 << 8);
});

test('negative priority, nice and exit signal; a terminal', () => {
  const stat = parseStat(TERMINAL);
  assert.equal(stat.comm, 'Web Content');
  assert.equal(stat.tty_nr, 34819);
  assert.equal(stat.tpgid, 1300);
  assert.equal(stat.priority, -11);
  assert.equal(stat.nice, -5);
  assert.equal(stat.num_threads, 27);
  assert.equal(stat.exit_signal, -1);
  assert.equal(stat.rt_priority, 10);
  assert.equal(stat.policy, 2);
});

test('a line cut short is refused, wherever it is cut', () => {
  const words = ZOMBIE.trimEnd().split(' ');
  for (let length = 1; length < words.length; length++) {
    const cut = words.slice(0, length).join(' ');
    assert.throws(() => parseStat(cut), /\/proc\/PID\/stat has a line that cannot be read/, cut);
  }
});

test('a field that is no number is refused', () => {
  assert.throws(() => parseStat(ZOMBIE.replace('122793', 'soon')), /cannot be read/);
});

import assert from 'node:assert/strict';
import { constants } from 'node:os';
import { test } from 'node:test';
import * as signal from './signal.js';

/** The bytes of a siginfo, of which those at the end that are zero are left out. */
const captured = (hex: string): Uint8Array => {
  const bytes = new Uint8Array(signal.SI_MAX_SIZE);
  bytes.set(Buffer.from(hex, 'hex'));
  return bytes;
};

test('every signal that libc knows has its number and name here', () => {
  for (const [name, number] of Object.entries(constants.signals)) {
    if (['SIGIOT', 'SIGPOLL', 'SIGUNUSED'].includes(name)) continue;
    assert.equal(new Map(Object.entries(signal)).get(name as never), number, name);
    assert.equal(signal.signalName(number), name);
  }
  assert.equal(signal.signalName(0), 'signal 0');
  assert.equal(signal.signalName(32), 'SIGRTMIN');
  assert.equal(signal.signalName(64), 'SIGRTMIN+32');
  assert.equal(signal.signalName(65), 'signal 65');
});

test('a set has bit n - 1 for signal n', () => {
  const set = signal.sigset(signal.SIGHUP, signal.SIGTERM, signal.SIGRTMAX);
  assert.equal(set, 0x8000_0000_0000_4001n);
  assert.deepEqual(signal.signalsIn(set), [1, 15, 64]);
  assert.equal(signal.hasSignal(set, signal.SIGTERM), true);
  assert.equal(signal.withoutSignal(set, signal.SIGRTMAX), 0x4001n);
  assert.equal(signal.withSignal(0n, signal.SIGKILL), 0x100n);
  assert.equal(signal.UNBLOCKABLE, 0x40100n);
  assert.equal(signal.signalsIn(signal.FULL_SIGSET).length, 64);
  assert.throws(() => signal.sigmask(0), /0 is not a signal/);
  assert.throws(() => signal.sigmask(65), /65 is not a signal/);
});

test('siginfo of sigqueue, captured by sigwaitinfo', () => {
  const bytes = captured('2800000000000000ffffffff0000000033280000000000008877665544332211');
  const info = signal.siginfo_rt.decode(bytes);
  assert.equal(info.si_signo, 40);
  assert.equal(info.si_code, signal.SI_QUEUE);
  assert.equal(info.si_pid, 10291);
  assert.equal(info.si_uid, 0);
  assert.equal(info.si_value, 0x1122334455667788n);
  assert.deepEqual(signal.siginfo_rt.encode(info), bytes);
});

test('siginfo of a POSIX timer, captured', () => {
  const info = signal.siginfo_timer.decode(
    captured('2200000000000000feffffff0000000000000000000000003412'),
  );
  assert.equal(info.si_signo, 34);
  assert.equal(info.si_code, signal.SI_TIMER);
  assert.equal(info.si_tid, 0);
  assert.equal(info.si_overrun, 0);
  assert.equal(info.si_value, 0x1234n);
});

test('siginfo of a child that exited with 7, captured', () => {
  const info = signal.siginfo_sigchld.decode(
    captured('110000000000000001000000000000005c2800000000000007'),
  );
  assert.equal(info.si_signo, signal.SIGCHLD);
  assert.equal(info.si_code, signal.CLD_EXITED);
  assert.equal(info.si_pid, 10332);
  assert.equal(info.si_status, 7);
  assert.equal(info.si_utime, 0);
});

test('siginfo of a readable pipe, captured', () => {
  const info = signal.siginfo_sigpoll.decode(
    captured('29000000000000000100000000000000410000000000000003'),
  );
  assert.equal(info.si_code, signal.POLL_IN);
  assert.equal(info.si_band, 0x41n);
  assert.equal(info.si_fd, 3);
});

test('all variants lie as in asm-generic/siginfo.h', () => {
  assert.equal(signal.siginfo_rt.offsets.si_value, 24);
  assert.equal(signal.siginfo_timer.offsets.si_sys_private, 32);
  assert.equal(signal.siginfo_sigchld.offsets.si_utime, 32);
  assert.equal(signal.siginfo_sigchld.offsets.si_stime, 40);
  assert.equal(signal.siginfo_sigfault.offsets.si_addr, 16);
  assert.equal(signal.siginfo_sigpoll.offsets.si_fd, 24);
  assert.equal(signal.siginfo_sigsys.offsets.si_arch, 28);
  assert.equal(signal.stack_t.offsets.ss_size, 16);
  assert.equal(signal.sigaction.offsets.sa_mask, 24);
});

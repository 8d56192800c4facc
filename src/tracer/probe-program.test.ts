import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RECORD_SIZE, recordArgOffset } from '../arch/arch.js';
import { FULL_SIGSET, SIG_SETMASK, SIGURG, withoutSignal } from '../linux/signal.js';
import { getpid, rtSigprocmask, rtSigreturn, tgkill } from '../linux/syscalls/tasks.js';
import { getU64, viewOf } from '../support/bytes.js';
import { ProbeProgram } from './probe-program.js';

const RECORDS = 0x7000_0000;

test('a tape ends in the mask that lets its signal through, the signal, and the way back', () => {
  const program = new ProbeProgram((track) => {
    track.call(getpid, {});
    track.memory.reserve(8);
  });
  const tape = program.tapeFor({
    ...{ records: RECORDS, tgid: 412, tid: 413, signal: SIGURG, ucontext: 0x7000_8000 },
  });
  const view = viewOf(tape);
  const numbers = [0, 1, 2, 3].map((i) => view.getUint32(i * RECORD_SIZE, true));
  assert.deepEqual(numbers, [getpid.nr, rtSigprocmask.nr, tgkill.nr, rtSigreturn.nr]);
  const argument = (record: number, index: number): number =>
    getU64(view, record * RECORD_SIZE + recordArgOffset(index));
  assert.equal(argument(1, 0), SIG_SETMASK);
  const mask = argument(1, 1) - RECORDS;
  assert.equal(view.getBigUint64(mask, true), withoutSignal(FULL_SIGSET, SIGURG));
  assert.deepEqual([argument(2, 0), argument(2, 1), argument(2, 2)], [412, 413, SIGURG]);
  assert.equal(argument(3, 0), 0x7000_8000);
  assert.equal(program.endOffset, 2 * RECORD_SIZE);
  assert.equal(program.callCount, 3);
  assert.ok(program.length > 4 * RECORD_SIZE);
});

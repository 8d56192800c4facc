import assert from 'node:assert/strict';
import { test } from 'node:test';
import { viewOf } from '../../support/bytes.js';
import {
  decodeResult,
  encodeRecord,
  encodeTape,
  POISON,
  RECORD_RESULT_OFFSET,
  RECORD_SIZE,
  recordArgOffset,
  TAPE_END,
  TAPE_IA32,
  TAPE_INDIRECT_ARG,
  TAPE_MUST_EQUAL,
  TAPE_ON_ERROR,
  TAPE_SET_EPILOGUE,
  tapeInterpreter,
} from './tape-interpreter.js';

test('a record is number, flags, six arguments and a poisoned result', () => {
  const bytes = new Uint8Array(2 * RECORD_SIZE).fill(0xee);
  const view = viewOf(bytes);
  encodeRecord(view, RECORD_SIZE, { nr: 9, flags: TAPE_ON_ERROR, args: [-1, 2n ** 64n - 2n, 3] });
  assert.equal(bytes[RECORD_SIZE - 1], 0xee);
  assert.equal(view.getUint32(RECORD_SIZE, true), 9);
  assert.equal(view.getUint32(RECORD_SIZE + 4, true), TAPE_ON_ERROR);
  const words = [0, 1, 2, 3, 4, 5].map((i) =>
    view.getBigInt64(RECORD_SIZE + recordArgOffset(i), true),
  );
  assert.deepEqual(words, [-1n, -2n, 3n, 0n, 0n, 0n]);
  assert.equal(view.getBigUint64(RECORD_SIZE + RECORD_RESULT_OFFSET, true), POISON);
});

test('flags are bits of their own', () => {
  const flags = [0, 1, 2, 3, 4, 5].map(TAPE_INDIRECT_ARG);
  flags.push(TAPE_ON_ERROR, TAPE_MUST_EQUAL, TAPE_END, TAPE_SET_EPILOGUE, TAPE_IA32);
  assert.equal(new Set(flags).size, 11);
  assert.equal(
    flags.reduce((sum, flag) => sum + flag),
    2047,
  );
});

test('results are pending, errors or values', () => {
  const tape = encodeTape([
    { nr: 0 },
    { nr: 0, result: -4095 },
    { nr: 0, result: -4096 },
    { nr: 0, result: 0xffff_ffffn },
    { nr: 0, flags: TAPE_MUST_EQUAL, result: 0 },
  ]);
  const results = [0, 1, 2, 3, 4].map((i) => decodeResult(viewOf(tape), i * RECORD_SIZE));
  assert.deepEqual(results, [
    { state: 'pending' },
    { state: 'failed', errno: 4095 },
    { state: 'done', value: -4096n },
    { state: 'done', value: 0xffff_ffffn },
    { state: 'done', value: 0n },
  ]);
});

test('records that could not mean anything are refused', () => {
  const view = new DataView(new ArrayBuffer(RECORD_SIZE));
  const args = [1, 2, 3, 4, 5, 6, 7];
  assert.throws(() => encodeRecord(view, 0, { nr: 0, args }), /has 7 arguments/);
  assert.throws(() => encodeRecord(view, 0, { nr: 0, flags: TAPE_MUST_EQUAL }), /without a value/);
  assert.throws(() => encodeRecord(view, 0, { nr: 1, flags: TAPE_END }), /ends in rt_sigreturn/);
});

test('the interpreter has one system call instruction, where its label says', () => {
  const { code, labels, listing } = tapeInterpreter;
  const calls = listing.filter(({ text }) => text === 'syscall').map(({ offset }) => offset);
  assert.deepEqual(calls, [labels.call]);
  assert.ok(code.length < 256);
  assert.equal(labels.record, 0);
});

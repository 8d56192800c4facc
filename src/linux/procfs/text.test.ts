import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CheckpointError } from '../../support/errors.js';
import { Cursor, decodeOctalEscapes, splitLines, unreadable } from './text.js';

const cursor = (text: string) => new Cursor('/proc/PID/x', text);

test('a page-aligned address above 2^53 is exact, any other is refused', () => {
  assert.equal(cursor('ffffffffff600000').hex(), 0xffffffffff600000);
  assert.equal(cursor('fffffffffffff000').hex(), 2 ** 64 - 4096);
  assert.equal(cursor('1fffffffffffff').hex(), Number.MAX_SAFE_INTEGER);
  assert.throws(() => cursor('fffffffffffff001').hex(), /cannot be read/);
  assert.throws(() => cursor('10000000000000000').hex(), /cannot be read/);
});

test('decimal numbers are exact or refused', () => {
  assert.equal(cursor('9007199254740991').decimal(), Number.MAX_SAFE_INTEGER);
  assert.throws(() => cursor('9007199254740992').decimal(), /cannot be read/);
  assert.equal(cursor('-17').signed(), -17);
  assert.throws(() => cursor('-').signed(), /cannot be read/);
  assert.throws(() => cursor('').decimal(), /cannot be read/);
});

test('64-bit words keep every bit, and no more', () => {
  assert.equal(cursor('fffffffffffff001').hex64(), 0xfffffffffffff001n);
  assert.equal(cursor('0x7f').hex64(), 0x7fn);
  assert.equal(cursor('18446744073709551615').decimal64(), 2n ** 64n - 1n);
  assert.throws(() => cursor('18446744073709551616').decimal64(), /cannot be read/);
  assert.throws(() => cursor('0x').hex64(), /cannot be read/);
});

test('octal digits end at the first other character', () => {
  const flags = cursor('02000009');
  assert.equal(flags.octal(), 0o200000);
  assert.equal(flags.at, 7);
});

test('the refusal quotes the line, wherever in it reading failed', () => {
  const text = cursor('first\n12 x34\nlast');
  text.restOfLine();
  assert.equal(text.decimal(), 12);
  text.skipBlanks();
  assert.throws(
    () => text.decimal(),
    (error) =>
      error instanceof CheckpointError &&
      error.code === 'refused' &&
      error.what === '/proc/PID/x has a line that cannot be read: "12 x34"',
  );
});

test('a long line is cut in the refusal', () => {
  assert.ok(unreadable('/proc/PID/x', 'y'.repeat(5000)).what.length < 300);
});

test('octal escapes are decoded once', () => {
  assert.equal(decodeOctalEscapes('a\\040b\\134040c\\011'), 'a b\\040c\t');
  assert.equal(decodeOctalEscapes('\\999 \\07'), '\\999 \\07');
  assert.equal(decodeOctalEscapes('plain'), 'plain');
});

test('lines are split with and without a last newline', () => {
  assert.deepEqual(splitLines('a\nb\n'), ['a', 'b']);
  assert.deepEqual(splitLines('a\nb'), ['a', 'b']);
  assert.deepEqual(splitLines(''), []);
});

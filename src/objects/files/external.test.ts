import assert from 'node:assert/strict';
import { test } from 'node:test';
import { descriptionOf } from '../../../test/support/file-kind.js';
import { external } from '../../support/errors.js';
import {
  externalFile,
  externalQueue,
  isDriverFile,
  isExternalFile,
  isSameFileName,
  offerExternal,
} from './external.js';

const REGULAR = 0o100644;
const view = (target: string, stat: object) =>
  descriptionOf(target, { stat: { ino: 0x230084n, mode: REGULAR, rdev: 0n, ...stat } });

test('a file is named by its mount and inode, in hexadecimal numbers', () => {
  assert.equal(externalFile(view('/a', {})), 'file[f:230084]');
});

test('hexadecimal and decimal numbers name the same file', () => {
  assert.ok(isSameFileName('file[1b:230084]', 'file[1b:230084]'));
  assert.ok(isSameFileName('file[0x1B:0x230084]', 'file[1b:230084]'));
  assert.ok(isSameFileName('file[27:2293892]', 'file[1b:230084]'));
  assert.ok(!isSameFileName('file[27:230084]', 'file[1b:230084]'), 'not a mixture of both');
  assert.ok(!isSameFileName('file[1b:230085]', 'file[1b:230084]'));
  assert.ok(!isSameFileName('tty[1b:230084]', 'file[1b:230084]'));
});

test('only what has a path, and is no socket or link, is left out as a file', () => {
  const given = ['file[f:230084]'];
  assert.ok(isExternalFile(view('/a', {}), given));
  assert.ok(isExternalFile(view('/a (deleted)', {}), given));
  assert.ok(!isExternalFile(view('/a', { mode: 0o120777 }), given), 'a symbolic link');
  assert.ok(!isExternalFile(view('socket:[2293892]', { mode: 0o140777 }), given));
  assert.ok(!isExternalFile(view('/a', {}), ['file[1:2]']));
});

test('a pipe is named by its inode, a FIFO as a file', () => {
  const fifo = { mode: 0o10600 };
  assert.equal(externalQueue(view('pipe:[4711]', fifo)), 'pipe[4711]');
  assert.equal(externalQueue(view('/fifo', fifo)), 'file[f:230084]');
});

test('devices but the stateless ones have a driver that knows more', () => {
  const device = (rdev: bigint) => view('/dev/x', { mode: 0o20666, rdev });
  assert.ok(isDriverFile(device(0xac8n)), '/dev/net/tun');
  assert.ok(!isDriverFile(device(0x103n)), '/dev/null');
  assert.ok(!isDriverFile(view('/a', {})));
});

test('a refusal offers the way out behind its own', () => {
  const closing = offerExternal(external('no', { remedy: 'close it' }), 'pipe[1]');
  assert.equal(
    closing.remedy,
    "close it, or leave it out by --external 'pipe[1]', and hand in another at the restore",
  );
  assert.match(offerExternal(external('no'), 'pipe[1]').remedy ?? '', /^leave it out/);
});

/** The puppet, the clone stub and the signal handler, run natively. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { viewOf } from '../../support/bytes.js';
import {
  BASE,
  clone_args,
  DATA,
  makeNativeDriver,
  type NativeDriver,
  type Parts,
} from './fixtures/native.js';
import { puppetElf } from './puppet-elf.js';
import { cloneExecStub, flagHandler, wakeHandler } from './stubs.js';

const SIGCHLD = 17n;
const EBADF = 9;
/** Of native-driver.c. */
const LIFELINE = 100;
const CLONE_VM = 0x100n;
const CLONE_VFORK = 0x4000n;

let native: NativeDriver;
before(() => {
  native = makeNativeDriver();
});
after(() => native.remove());

/** clone_args, the empty path, and an argv of one string, for the clone stub. */
function puppetArguments(): Parts {
  const data = new Uint8Array(0x400);
  const flags = CLONE_VM | CLONE_VFORK;
  data.set(clone_args.encode({ flags, exit_signal: SIGCHLD }));
  data.set(Buffer.from('puppet\0'), 0x110);
  viewOf(data).setBigUint64(0x120, BigInt(BASE + DATA + 0x110), true);
  return { 0: cloneExecStub.code, [DATA]: data };
}
const puppetPointers = [BASE + DATA + 0x100, BASE + DATA + 0x120, BASE + DATA + 0x128];

test('the clone stub turns a child into a puppet that ends with its lifeline', () => {
  const elf = puppetElf(LIFELINE);
  const file = join(native.folder, 'puppet');
  writeFileSync(file, elf, { mode: 0o755 });
  const size = clone_args.size;
  const args = [BASE, BASE + DATA, size, `fd:${file}`, ...puppetPointers];
  const { stdout } = native.drive(puppetArguments(), 'puppet', ...args);
  assert.equal(stdout, `size ${elf.length} syscall 0 argv0 puppet reaped 1\n`);
});

test('the clone stub returns an error of clone3, and leaves that of execveat as exit status', () => {
  const tooSmall = [BASE, BASE + DATA, 8, 3, ...puppetPointers];
  assert.equal(native.drive(puppetArguments(), 'call', ...tooSmall).stdout, '-22\n');
  const notOpen = [BASE, BASE + DATA, clone_args.size, 999, ...puppetPointers];
  assert.equal(native.drive(puppetArguments(), 'exit', ...notOpen).stdout, `${EBADF}\n`);
});

test('the flag handler sets its byte and makes a blocking call return EINTR', () => {
  const handler = flagHandler(BASE + DATA);
  const { handler: entry = 0, restorer = 0 } = handler.labels;
  const args = ['signal', BASE + entry, BASE + restorer];
  const { stdout, image } = native.drive({ 0: handler.code }, ...args);
  assert.equal(stdout, 'pause -1 EINTR\n');
  assert.deepEqual([image[DATA - 1], image[DATA], image[DATA + 1]], [0, 1, 0]);
});

test('the wake handler makes a blocking call return EINTR and touches nothing', () => {
  const { handler = 0, restorer = 0 } = wakeHandler.labels;
  const args = ['signal', BASE + handler, BASE + restorer];
  const { stdout, image } = native.drive({ 0: wakeHandler.code }, ...args);
  assert.equal(stdout, 'pause -1 EINTR\n');
  assert.ok(image.subarray(DATA).every((byte) => byte === 0));
});

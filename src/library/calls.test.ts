/** What a call refuses before it does anything. The calls themselves: test/kernel/library. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type DumpRequest, dump, type RestoreRequest, restore } from '../index.js';

const asked = (request: object): DumpRequest => request as DumpRequest;

test('an option that does not exist is refused by name', async () => {
  await assert.rejects(dump(asked({ pid: 1, imagesDir: '.', leaverunning: true })), {
    code: 'usage',
    message: "Cannot dump: there is no option 'leaverunning'",
    remedy: /leaveRunning/,
  });
  const commandLineOnly = { imagesDir: '.', execCmd: ['sh'] } as unknown as RestoreRequest;
  await assert.rejects(restore(commandLineOnly), { code: 'usage', what: /'execCmd'/ });
});

test('a request without a pid or a folder is refused', async () => {
  await assert.rejects(dump(asked({ imagesDir: '.' })), {
    message: 'Cannot dump: pid is undefined, not the number of a process',
  });
  await assert.rejects(dump(asked({ pid: '12', imagesDir: '.' })), { code: 'usage' });
  await assert.rejects(restore({ imagesDir: '' }), {
    message: 'Cannot restore: imagesDir does not name a folder',
  });
});

test('wishes that exclude each other are refused as on the command line', async () => {
  const both = { pid: 1, imagesDir: '.', leaveRunning: true, leaveStopped: true };
  await assert.rejects(dump(both), { code: 'usage', what: /exclude each other/ });
});

test('a call whose signal has fired already does nothing', async () => {
  const reason = new Error('too late');
  const signal = AbortSignal.abort(reason);
  await assert.rejects(dump({ pid: process.pid, imagesDir: '/nowhere', signal }), {
    message: 'Cannot dump: cancelled by the caller',
    cause: reason,
  });
});

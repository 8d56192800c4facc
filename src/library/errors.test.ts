import assert from 'node:assert/strict';
import { test } from 'node:test';
import { asCheckpointError, CheckpointError, refused, within } from '../support/errors.js';
import { decodeError, encodeError } from './errors.js';

/** As it crosses to another thread. */
const sent = (thrown: unknown, reason?: unknown): CheckpointError =>
  decodeError(structuredClone(encodeError(thrown)), reason);

function thrownBy(fn: () => void): CheckpointError {
  try {
    fn();
  } catch (error) {
    return asCheckpointError(error);
  }
  throw new Error('nothing was thrown');
}

test('an error keeps its class, its text and every fact', () => {
  const error = thrownBy(() =>
    within({ doing: 'dump', pid: 412, comm: 'nginx' }, () =>
      within({ object: 'pidfd', fd: 7 }, () => {
        throw refused('pidfd_open: EPERM', {
          syscall: 'pidfd_open',
          errno: 'EPERM',
          remedy: 'be root',
        });
      }),
    ),
  );
  const received = sent(error);
  assert.ok(received instanceof CheckpointError);
  assert.equal(
    String(received),
    'Cannot dump pidfd 7 of pid 412 (nginx): pidfd_open: EPERM\nRemedy: be root',
  );
  assert.deepEqual(received.toJSON(), error.toJSON());
  assert.equal(received.cause, undefined);
});

test('an error without facts has none on the other side either', () => {
  const received = sent(refused('no'));
  assert.deepEqual(received.toJSON(), refused('no').toJSON());
  assert.deepEqual(received.context, {});
});

test('a mistake of ours arrives as a bug with the stack of where it happened', () => {
  const mistake = new TypeError('x is not a function');
  const received = sent(mistake);
  assert.equal(received.code, 'bug');
  assert.equal(received.message, 'Internal error: x is not a function');
  assert.equal((received.cause as Error).stack, mistake.stack);
});

test('things that are no errors arrive as bugs', () => {
  assert.equal(sent('thrown text').message, 'Internal error: thrown text');
  assert.equal(sent(undefined).code, 'bug');
});

test('the reason of a cancelled call is the cause', () => {
  const reason = new Error('no longer wanted');
  assert.equal(sent(refused('cancelled by the caller'), reason).cause, reason);
});

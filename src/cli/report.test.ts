import assert from 'node:assert/strict';
import { test } from 'node:test';
import { asCheckpointError, unsupported } from '../support/errors.js';
import { checkAnswer, errorJson, errorText, verdictsText } from './report.js';

test('an error is a sentence and a remedy; one of ours asks for a report', () => {
  const error = unsupported('flag X is not supported', {
    doing: 'dump',
    pid: 5,
    remedy: 'close it',
  });
  assert.equal(
    errorText(error),
    'Error: Cannot dump pid 5: flag X is not supported\nRemedy: close it\n',
  );
  assert.match(
    errorText(asCheckpointError(new Error('boom'))),
    /^Error: Internal error: boom\nRemedy: .*report/,
  );
  assert.deepEqual(JSON.parse(errorJson(error)).error.pid, 5);
});

test('check answers in the words of criu(8)', () => {
  const result = (category: 1 | 2 | 3, available: boolean) => ({ name: 'x', category, available });
  const answer = (...results: ReturnType<typeof result>[]) =>
    checkAnswer({ kind: 'checked', results }, { named: false });
  assert.deepEqual(answer(result(1, true)), { text: 'Looks good.\n', exitStatus: 0 });
  const half = answer(result(1, true), result(2, false));
  assert.match(half.text, /^Missing: x\nLooks good but /);
  assert.equal(half.exitStatus, 1);
  const bad = answer(result(2, false), result(1, false));
  assert.match(bad.text, /Does not look good\.\n$/);
  assert.equal(bad.exitStatus, 1);
});

test('features asked for by name are answered one by one, and listed with blanks', () => {
  const results = [
    { name: 'timens', category: 2, available: true },
    { name: 'uffd', category: 2, available: false, missing: 'ENOSYS' },
  ] as const;
  assert.deepEqual(checkAnswer({ kind: 'checked', results }, { named: true }), {
    text: 'timens is supported\nuffd is not supported: ENOSYS\n',
    exitStatus: 1,
  });
  const listed = checkAnswer({ kind: 'listed', names: ['a', 'b'] }, { named: false });
  assert.deepEqual(listed, { text: 'a b\n', exitStatus: 0 });
});

test('verdicts end with what stands in the way', () => {
  const text = verdictsText([
    { pid: 1, object: 'descriptor 3', verdict: 'cannot be saved', because: 'it is a socket' },
    { pid: 1, comm: 'a', object: 'descriptor 4', detail: '/x', verdict: 'saved' },
  ]);
  assert.deepEqual(text.split('\n'), [
    '1 (a) descriptor 4 /x: saved',
    '1 descriptor 3: cannot be saved: it is a socket',
    '1 of 2 objects stand in the way of a dump.',
    '',
  ]);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { abortRseq, rseq_cs } from './rseq.js';

const section = { start_ip: 0x1000n, post_commit_offset: 0x20n, abort_ip: 0x5000n };

test('inside a critical section the abort handler runs', () => {
  assert.equal(abortRseq({ ip: 0x1000n }, section), 0x5000n);
  assert.equal(abortRseq({ ip: 0x101fn }, section), 0x5000n);
});

test('before it, after its commit and far away nothing changes', () => {
  for (const ip of [0xfffn, 0x1020n, 0n, 0xffff_ffff_ffff_ffffn]) {
    assert.equal(abortRseq({ ip }, section), undefined);
  }
});

test('rseq_cs decodes in the order of the header', () => {
  const bytes = rseq_cs.encode({ version: 0, flags: 0, ...section });
  assert.equal(bytes[9], 0x10);
  assert.deepEqual(rseq_cs.decode(bytes), { version: 0, flags: 0, ...section });
});

import assert from 'node:assert/strict';
import { FolderStore } from '../../../src/folder/store.js';
import { IMAGES } from '../../../src/images/catalogue.js';
import { readImageSet } from '../../../src/images/directory.js';
import { kernelTest, type View } from '../../support/kernel.js';

for (const [args, name] of [
  ['bases', 'fs and gs bases come back in each thread'],
  ['descriptors', 'thread-local segments and selectors come back in each thread'],
] as const) {
  kernelTest({ name, program: 'cpu/segments.c', args: [args], rounds: 2 });
}

kernelTest({ name: 'protection key rights come back in each thread', program: 'cpu/pkru.c' });

/** Where the thread that is no leader goes on, by the images. */
function mustNotBeInside({ program, imagesDir }: View): void {
  const [, start, end, abort] = /^SECTION (\w+) (\w+) (\w+)$/m.exec(program.output()) ?? [];
  const at = (text: string | undefined): bigint => BigInt(`0x${text}`);
  const set = readImageSet(new FolderStore(imagesDir));
  const tids = set.many(IMAGES.PSTREE).flatMap(({ threads }) => threads);
  const tid = tids.find((one) => one !== program.pid);
  const { thread_info } = set.require(IMAGES.CORE, tid ?? 0);
  assert.ok(thread_info);
  const { ip } = thread_info.gpregs;
  assert.ok(ip < at(start) || ip >= at(end), `it is saved inside, at 0x${ip.toString(16)}`);
  assert.ok(ip >= at(abort), `it is saved at 0x${ip.toString(16)}, not at the abort handler`);
}

kernelTest({
  name: 'a restartable sequence that the freeze interrupts goes on at its abort handler',
  program: 'cpu/rseq.c',
  rounds: 3,
  betweenRuns: mustNotBeInside,
});

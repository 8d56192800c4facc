import assert from 'node:assert/strict';
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { kernelTest } from '../../support/kernel.js';

/** Bytes of page content in an image folder. */
function pageBytes(dir: string): number {
  return readdirSync(dir)
    .filter((name) => /^pages-\d+\.img$/.test(name))
    .reduce((sum, name) => sum + statSync(join(dir, name)).size, 0);
}

kernelTest({
  name: 'private anonymous memory keeps its bytes, and untouched pages stay untouched',
  program: 'memory/anonymous.c',
  rounds: 2,
});
kernelTest({ name: 'the stack keeps its frames and grows afterwards', program: 'memory/stack.c' });
kernelTest({ name: 'the heap goes on from its break', program: 'memory/heap.c', rounds: 2 });
kernelTest({
  name: 'a private file mapping keeps changed pages and follows the file elsewhere',
  program: 'memory/private-file.c',
});
kernelTest({
  name: 'a shared file mapping stays one with its file',
  program: 'memory/shared-file.c',
});
kernelTest({
  name: 'shared anonymous memory is one object for all who map it',
  program: 'memory/shared-anonymous.c',
  rounds: 2,
});
kernelTest({
  name: 'protections hold, and data behind them returns',
  program: 'memory/protections.c',
});
kernelTest({
  name: 'every flag in VmFlags returns',
  program: 'memory/vm-flags.c',
  criuFails: 'MLOCK_ONFAULT is lost',
});
kernelTest({
  name: 'a terabyte of reserved space costs neither time nor images',
  program: 'memory/sparse.c',
  timeoutMs: 10_000,
  betweenRuns: ({ imagesDir }) => {
    const bytes = pageBytes(imagesDir);
    assert.ok(bytes < 4 << 20, `images hold ${bytes} bytes of pages`);
  },
});
kernelTest({ name: '5,000 mappings return', program: 'memory/many-mappings.c' });
kernelTest({ name: 'relatives keep their own copies after fork', program: 'memory/fork-copies.c' });
kernelTest({ name: 'named anonymous mappings keep their names', program: 'memory/named.c' });

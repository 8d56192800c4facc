/**
 * What woodfrog writes has the shape of what CRIU 4.2 wrote of the same program: the same images,
 * messages and fields, but for the differences that are listed, each with its reason.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { Host } from '../../src/host/host.js';
import { HostImageStore } from '../../src/host/image-store.js';
import { readImageSet } from '../../src/images/directory.js';
import { compile } from '../support/compile.js';
import { fixtureFolder, type GoldenSet } from '../support/golden.js';
import { bounded } from '../support/kernel.js';
import { startCommand } from '../support/program.js';
import { tool } from '../support/tool.js';
import { sleep } from '../support/wait.js';
import { DIFFERENCES } from './known-differences.js';
import { compareShapes, type Difference, type Shape, shapeOf } from './shape.js';

function shapeOfFolder(folder: string): Shape {
  using host = new Host();
  using store = new HostImageStore(host, folder, { sync: false });
  return shapeOf(readImageSet(store), store);
}

/** Dumps the program when it is set up. */
async function dumpShape(set: GoldenSet): Promise<Shape> {
  const program = startCommand([compile(`interop/${set}.c`, ['-static'])]);
  if (set === 'tasks') await program.waitReady();
  else await sleep(150);
  const images = join(program.dir, 'images');
  await tool.dump(program.pid, images);
  return shapeOfFolder(images);
}

const line = ({ path, golden, ours }: Difference): string => `${path}: ${golden}, ours ${ours}`;

for (const set of ['loop', 'tasks'] as const) {
  describe(`images of '${set}'`, () => {
    test('have the shape of those that CRIU wrote', (t) =>
      bounded(t, async () => {
        const ours = await dumpShape(set);
        const found = compareShapes(shapeOfFolder(fixtureFolder(set)), ours);
        const known = DIFFERENCES[set];
        assert.deepEqual(found.map(line), known.map(line), 'exactly the known differences');
      }));
    test('differ only with a reason', () => {
      for (const { path, reason } of DIFFERENCES[set]) assert.ok(reason.length > 10, path);
    });
  });
}

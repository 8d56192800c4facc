/** cpuinfo.img, as CRIU 4.2 writes and reads it on this very machine. */
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { FolderStore } from '../../src/folder/store.js';
import { IMAGES } from '../../src/images/catalogue.js';
import { readImageSet } from '../../src/images/directory.js';
import { bounded } from '../support/kernel.js';
import { startProgram } from '../support/program.js';
import { criu, mustSucceed, NO_CRIU, tool } from '../support/tool.js';

const other = criu();

function entryIn(folder: string) {
  const [entry] = readImageSet(new FolderStore(folder)).require(IMAGES.CPUINFO).x86_entry;
  assert.ok(entry);
  const { further_capability, ...common } = entry;
  return { further_capability, common };
}

test(
  'both describe this processor alike, and each accepts what the other wrote',
  {
    skip: other === undefined ? NO_CRIU : false,
  },
  (t) =>
    bounded(t, async () => {
      assert.ok(other);
      const program = startProgram('kernel/cli/steady.c');
      const [ours, theirs] = ['ours', 'theirs'].map((name) => join(program.dir, name));
      assert.ok(ours && theirs);
      for (const [one, folder] of [
        [tool, ours],
        [other, theirs],
      ] as const) {
        mkdirSync(folder);
        mustSucceed(await one.run(['cpuinfo', 'dump', '-D', folder]));
      }
      assert.deepEqual(entryIn(ours).common, entryIn(theirs).common);
      assert.deepEqual(entryIn(theirs).further_capability, []);
      mustSucceed(await other.run(['cpuinfo', 'check', '--cpu-cap=all', '-D', ours]));
      mustSucceed(await tool.run(['cpuinfo', 'check', '--cpu-cap=all', '-D', theirs]));
      await program.mustPass();
    }),
);

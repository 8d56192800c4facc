/** A checkpoint knows what its processor could do, and a lesser one is refused by what it lacks. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { IMAGES } from '../../../src/images/catalogue.js';
import { editImage } from '../../support/edit-image.js';
import { stateOf } from '../../support/proc.js';
import { type Steady, steadyTest } from '../cli/steady.js';

/** 3dnow and avx512_4vnniw: no processor has both. */
const NO_CPU_HAS = [
  { word: 1, bit: 31 },
  { word: 18, bit: 2 },
];

function claimMore(folder: string): void {
  editImage(folder, IMAGES.CPUINFO, {
    edit: ({ x86_entry: [entry] }) => {
      assert.ok(entry);
      for (const { word, bit } of NO_CPU_HAS) {
        entry.capability[word] = ((entry.capability[word] ?? 0) | (1 << bit)) >>> 0;
      }
    },
  });
}

async function mustBeRefused(steady: Steady, pattern: RegExp, ...args: string[]): Promise<void> {
  const command = ['restore', '-d', '-D', steady.images, ...args];
  const { stderr } = await steady.woodfrog(command, 1);
  assert.match(stderr, pattern);
  assert.equal(stateOf(steady.pid), undefined);
}

steadyTest('a restore on a lesser CPU is refused by the names of what it lacks', async (steady) => {
  await steady.dump();
  claimMore(steady.images);
  const names = /not like that of the checkpoint .*: (3dnow, )?avx512_4vnniw/;
  await mustBeRefused(steady, names);
  for (const cap of ['', 'ins', 'cpu', 'fpu,ins']) {
    await mustBeRefused(steady, names, `--cpu-cap=${cap}`);
  }
  await steady.restore('-d', '--cpu-cap=none');
  await steady.program.mustPass();
});

steadyTest(
  'registers that this CPU has not are refused, if only by what it claims',
  async (steady) => {
    await steady.dump();
    editImage(steady.images, IMAGES.CPUINFO, {
      edit: ({ x86_entry: [entry] }) => {
        assert.ok(entry);
        entry.xfeatures_mask = (entry.xfeatures_mask ?? 0n) | (1n << 3n);
      },
    });
    await mustBeRefused(steady, /MPX bound registers/);
    await mustBeRefused(steady, /MPX bound registers/, '--cpu-cap=fpu');
    await steady.restore('-d', '--cpu-cap=ins');
    await steady.program.mustPass();
  },
);

steadyTest('--cpu-cap=none leaves no record, and to compare needs one', async (steady) => {
  await steady.dump('--cpu-cap=none');
  assert.ok(!existsSync(join(steady.images, 'cpuinfo.img')));
  await mustBeRefused(steady, /cpuinfo\.img: the image is missing/, '--cpu-cap=ins');
  await steady.restore('-d', '--cpu-cap=fpu');
  await steady.program.mustPass();
});

steadyTest(
  'cpuinfo writes what a dump writes, and tells whether this CPU will do',
  async (steady) => {
    await steady.dump('--cpu-cap');
    const folder = steady.folder('cpu');
    const call = (action: string, ...args: string[]) => ['cpuinfo', action, '-D', folder, ...args];
    assert.match((await steady.woodfrog(call('check'), 1)).stderr, /cpuinfo\.img: .* missing/);
    await steady.woodfrog(call('dump'));
    // Over an earlier one, too.
    await steady.woodfrog(call('dump'));
    const bytes = (dir: string) => readFileSync(join(dir, 'cpuinfo.img'));
    assert.deepEqual(bytes(folder), bytes(steady.images));
    await steady.woodfrog(call('check', '--cpu-cap'));
    claimMore(folder);
    assert.match((await steady.woodfrog(call('check'), 1)).stderr, /avx512_4vnniw/);
    await steady.woodfrog(call('check', '--cpu-cap=none'));
    rmSync(folder, { recursive: true });
    await steady.restore('-d');
    await steady.program.mustPass();
  },
);

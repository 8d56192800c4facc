/** The package as another project meets it: its types with nothing else installed, and its entry, as built. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, before, test } from 'node:test';

const TYPED = `
import { check, CheckpointError, dump, restore, type ProgressEvent } from 'woodfrog';

export async function typed(imagesDir: string): Promise<number | undefined> {
  try {
    const dumped = await dump({
      pid: 12,
      imagesDir,
      leaveRunning: true,
      onProgress: ({ phase, doneBytes }: ProgressEvent) => void (phase.length + doneBytes),
    });
    const frozen: number = dumped.stats.frozen_time;
    const { verdicts } = await dump({ pid: 12, imagesDir, explain: true });
    const reasons: (string | undefined)[] = verdicts.map(({ because }) => because);
    const restored = await restore({ imagesDir });
    const end = await restored.wait();
    const plan: readonly string[] = (await restore({ imagesDir, explain: true })).plan;
    const report = await check({ features: ['timens'] });
    void [frozen, reasons, plan, report.kind];
    return 'exited' in end ? end.exited : undefined;
  } catch (error) {
    if (error instanceof CheckpointError && error.code === 'gone') return error.context.pid;
    throw error;
  }
}
`;

/** Each must be an error. */
const MISTYPED = [
  `await dump({ imagesDir: '.' });`,
  `await dump({ pid: 1, imagesDir: '.', json: true });`,
  `await restore({ imagesDir: '.', execCmd: ['sh'] });`,
  `(await restore({ imagesDir: '.' })).plan;`,
];

const RUN = `
import { CheckpointError, dump } from 'woodfrog';
const error = await dump({ pid: 4194304, imagesDir: '.' }).catch((thrown) => thrown);
console.log(error instanceof CheckpointError, error.context.doing, error.code);
`;

let folder: string;
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'woodfrog-consumer-'));
  mkdirSync(join(folder, 'node_modules'));
  symlinkSync(resolve('.'), join(folder, 'node_modules/woodfrog'));
});
after(() => rmSync(folder, { recursive: true, force: true }));

const FLAGS =
  '--noEmit --strict --exactOptionalPropertyTypes --module nodenext --target es2022 --lib es2022 --types';

/** The compiler's complaints about one file, with no types but the language's and the package's. */
function complaints(name: string, text: string): string {
  const file = join(folder, name);
  writeFileSync(file, text);
  const args = [...FLAGS.split(' '), '', file];
  const { stdout, stderr } = spawnSync(resolve('node_modules/.bin/tsc'), args, {
    cwd: folder,
    encoding: 'utf8',
  });
  return stdout + stderr;
}

test('the types of the package stand on their own', () => {
  assert.equal(complaints('typed.mts', TYPED), '');
});

test('the types refuse what the library refuses', () => {
  const head = `import { dump, restore } from 'woodfrog';\n`;
  const said = complaints('mistyped.mts', head + MISTYPED.join('\n'));
  for (const [i, line] of MISTYPED.entries()) {
    assert.match(said, new RegExp(`mistyped\\.mts\\(${i + 2},`), line);
  }
});

test('the package runs from the node_modules of another project', () => {
  writeFileSync(join(folder, 'run.mjs'), RUN);
  const { stdout, stderr, status } = spawnSync(process.execPath, ['run.mjs'], {
    cwd: folder,
    encoding: 'utf8',
    timeout: 60_000,
  });
  assert.deepEqual([stdout, stderr, status], ['true dump gone\n', '', 0]);
});

const REPORT_REJECTED = `
const vm = require('node:vm');
const { Script } = vm;
vm.Script = class extends Script {
  constructor(...given) {
    super(...given);
    console.log('rejected', this.cachedDataRejected);
  }
};
`;

test('the Node that built the programs takes what was compiled ahead', () => {
  const preload = join(folder, 'report.cjs');
  writeFileSync(preload, REPORT_REJECTED);
  for (const args of [
    ['woodfrog', '--help'],
    ['woodfrog', 'dump'],
    ['woodfrog', 'restore'],
    ['crit', 'show'],
  ]) {
    const [program = '', ...rest] = args;
    const command = ['-r', preload, resolve('bin', program), ...rest, '--help'];
    const { stdout } = spawnSync(process.execPath, command, { encoding: 'utf8', cwd: folder });
    assert.match(stdout, /^rejected false$/m, args.join(' '));
  }
});

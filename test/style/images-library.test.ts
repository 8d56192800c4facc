/** `woodfrog/images` from its consumer's side: a package that depends on woodfrog, compiled strictly and run. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, test } from 'node:test';
import { fixtureFolder } from '../support/golden.js';

const folder = mkdtempSync(join(tmpdir(), 'woodfrog-consumer-'));
after(() => rmSync(folder, { recursive: true }));

const PROGRAM = `
import { CheckpointError, IMAGES, openCheckpoint, type CoreEntry, type EntryOf } from 'woodfrog/images';

const checkpoint = openCheckpoint(process_argv(0));
const [task] = checkpoint.tasks();
if (!task) throw new Error('no task');
const core: CoreEntry = task.core();
const ip: bigint | undefined = core.thread_info?.gpregs.ip;
const limits: EntryOf<typeof IMAGES.CORE> = checkpoint.entry(IMAGES.CORE, task.pid);
const paths: (string | undefined)[] = task.mappings().map(({ path }) => path);
const fds: number[] = task.descriptors().map(({ fd }) => fd);
const first: number | undefined = task.pages()[0]?.vaddr;
const { bytes, isWhole } = task.read(0x401000, 4);
task.close();
const written: number = checkpoint.edit(IMAGES.FILES, (file) =>
  file.reg ? { ...file, reg: { ...file.reg, name: file.reg.name.replace('golden-run', 'moved') } } : file,
);
let refusal = '';
try {
  checkpoint.edit(IMAGES.PSTREE, (entry) => ({ ...entry, pid: -1 }));
} catch (error) {
  refusal = error instanceof CheckpointError ? error.code : String(error);
}
try {
  checkpoint.entry(IMAGES.MM, 5);
} catch (error) {
  refusal += error instanceof CheckpointError ? error.code : '';
}
const after = openCheckpoint(process_argv(0));
report({
  comm: task.comm, pid: task.pid, ip: String(ip), comm2: limits.tc?.comm, path: paths[0], fds, first,
  bytes: [...bytes], isWhole, written, refusal, parents: after.parents,
  moved: after.tasks()[0]?.mappings()[0]?.path, keys: after.images().map(({ key }) => key),
  problems: after.verify().problems.map(({ file }) => file),
});

declare const process: { argv: string[]; stdout: { write(text: string): void } };
function process_argv(at: number): string { return process.argv[at + 2] ?? ''; }
function report(value: unknown): void { process.stdout.write(JSON.stringify(value)); }
`;

test('a consumer reads, edits and checks a checkpoint, with types that need nothing else', () => {
  mkdirSync(join(folder, 'node_modules'));
  symlinkSync(resolve('.'), join(folder, 'node_modules/woodfrog'));
  writeFileSync(join(folder, 'package.json'), '{"type": "module"}');
  writeFileSync(join(folder, 'program.ts'), PROGRAM);
  const tsc = spawnSync(
    process.execPath,
    [
      resolve('node_modules/typescript/bin/tsc'),
      ...['--strict', '--exactOptionalPropertyTypes', '--module', 'nodenext', '--target', 'es2022'],
      ...['--types', '', '--lib', 'es2022', '--skipLibCheck', 'false', 'program.ts'],
    ],
    { cwd: folder, encoding: 'utf8', timeout: 120_000 },
  );
  assert.equal(tsc.status, 0, tsc.stdout);
  const images = join(folder, 'images');
  cpSync(fixtureFolder('loop'), images, { recursive: true });
  writeFileSync(join(images, 'pages-1.img'), new Uint8Array(15 * 4096).fill(7));
  const before = readFileSync(join(images, 'pstree.img'));
  const run = spawnSync(process.execPath, ['program.js', images], {
    cwd: folder,
    encoding: 'utf8',
    timeout: 60_000,
  });
  assert.equal(run.status, 0, run.stderr);
  const { keys, ...seen } = JSON.parse(run.stdout);
  assert.ok(keys.includes('INVENTORY') && keys.includes('PAGES'));
  assert.deepEqual(seen, {
    comm: 'loop',
    comm2: 'loop',
    pid: 11021,
    ip: '4635923',
    path: '/tmp/golden-run/loop/loop',
    fds: [0, 1, 2],
    first: 0x401000,
    bytes: [7, 7, 7, 7],
    isWhole: true,
    written: 5,
    refusal: 'usageimage',
    parents: [],
    moved: '/tmp/moved/loop/loop',
    problems: [],
  });
  assert.deepEqual(
    readFileSync(join(images, 'pstree.img')),
    before,
    'a failed edit changes nothing',
  );
});

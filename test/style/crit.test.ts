/** crit as its callers see it: a program that is run. Needs no privileges. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, test } from 'node:test';
import { goldenFolder } from '../support/golden.js';

const program = resolve('bin/crit');
const folder = mkdtempSync(join(tmpdir(), 'woodfrog-crit-'));
after(() => rmSync(folder, { recursive: true }));

interface Call {
  readonly input?: Uint8Array | string;
}

function crit(args: readonly string[], { input = '' }: Call = {}) {
  const { status, signal, stdout, stderr } = spawnSync(program, args, { input, timeout: 60_000 });
  assert.equal(signal, null);
  return { status, out: stdout, text: stdout.toString(), errors: stderr.toString() };
}

const image = (name: string): string => join(goldenFolder('loop'), name);

test('decode, show and encode work on files and on standard streams', () => {
  const bytes = readFileSync(image('pstree.img'));
  const twin = JSON.stringify({
    magic: 'PSTREE',
    entries: [{ pid: 11021, ppid: 0, pgid: 11021, sid: 11021, threads: [11021] }],
  });
  const line = twin.replaceAll(':', ': ').replaceAll(',', ', ');
  assert.equal(crit(['decode'], { input: bytes }).text, `${line}\n`);
  assert.equal(crit(['decode', '-i', image('pstree.img')]).text, `${line}\n`);
  const pretty = `${JSON.stringify(JSON.parse(twin), undefined, 4)}\n`;
  assert.equal(crit(['decode', '--pretty'], { input: bytes }).text, pretty);
  assert.equal(crit(['show', image('pstree.img')]).text, pretty);
  assert.deepEqual(crit(['encode'], { input: twin }).out, bytes);
  const json = join(folder, 'pstree.json');
  const copy = join(folder, 'pstree.img');
  assert.equal(crit(['decode', `--in=${image('pstree.img')}`, `-o${json}`]).text, '');
  assert.equal(readFileSync(json, 'utf8'), line);
  assert.equal(crit(['encode', '--i', json, '--out', copy]).status, 0);
  assert.deepEqual(readFileSync(copy), bytes);
});

test('recode gives the image itself, and fails where JSON cannot hold it', () => {
  const bytes = readFileSync(image('core-11021.img'));
  assert.deepEqual(crit(['recode'], { input: bytes }).out, bytes);
  // Field 99 of an entry that has no such field.
  const pstree = Buffer.from([8, 1, 16, 0, 24, 1, 32, 1, 0x98, 6, 7]);
  const header = readFileSync(image('pstree.img')).subarray(0, 8);
  const length = Buffer.from([pstree.length, 0, 0, 0]);
  const { status, errors } = crit(['recode'], { input: Buffer.concat([header, length, pstree]) });
  assert.equal(status, 1);
  assert.match(errors, /pstree_entry has fields that are not known/);
  assert.match(errors, /byte 8: the image differs/);
});

test('info counts entries, without the head of a pagemap', () => {
  const info = (name: string) => JSON.parse(crit(['info', image(name)]).text) as unknown;
  assert.deepEqual(info('files.img'), { magic: 'FILES', count: 5 });
  assert.deepEqual(info('pagemap-11021.img'), { magic: 'PAGEMAP', count: 7 });
});

test('every failure is one line, a remedy and a status', () => {
  const raw = join(folder, 'pages-1.img');
  writeFileSync(raw, 'hello, pages');
  const empty = mkdtempSync(join(folder, 'empty-'));
  const cases: [string[], number, RegExp][] = [
    [[], 2, /No command is given/],
    [['decoed'], 2, /Unknown command 'decoed'/],
    [['info'], 2, /Argument 'in' is missing/],
    [['info', 'a', 'b'], 2, /Unexpected argument 'b'/],
    [['decode', '--prety'], 2, /Unknown option '--prety'/],
    [['decode', '-i'], 2, /Option '-i' needs a value/],
    [['decode', '--pretty=1'], 2, /takes no value/],
    [['x', folder, 'all'], 2, /'all' cannot be explored/],
    [['decode', '-i', join(folder, 'none.img')], 1, /none\.img: open: ENOENT/],
    [['show', raw], 1, /unknown magic 0x6c6c6568/],
    [['decode'], 1, /ends after 0 bytes/],
    [['encode'], 1, /line 1, column 1/],
    [['x', empty, 'ps'], 1, /pstree\.img: the image is missing/],
    [['show', folder], 1, /not a regular file/],
  ];
  for (const [args, wanted, pattern] of cases) {
    const { status, errors, text } = crit(args);
    assert.equal(status, wanted, args.join(' '));
    assert.match(errors, pattern);
    assert.match(errors, /^Error: [^\n]+\n(Remedy: [^\n]+\n)?$/);
    assert.equal(text, '');
  }
});

test('a file appears only when it is complete', () => {
  const out = join(folder, 'never.img');
  const input = '{"magic": "PSTREE", "entries": [{"pid": 1}]}';
  assert.equal(crit(['encode', '-o', out], { input }).status, 1);
  assert.ok(!existsSync(out));
  const cut = readFileSync(image('core-11021.img')).subarray(0, 100);
  assert.equal(crit(['decode', '-o', out], { input: cut }).status, 1);
  assert.ok(!existsSync(out));
  assert.equal(crit(['decode', '-o', '/dev/null', '-i', image('fs-11021.img')]).status, 0);
});

test('help and version', () => {
  assert.match(crit(['--help']).text, /^Usage: crit COMMAND/);
  for (const name of ['decode', 'encode', 'recode', 'show', 'info', 'x']) {
    assert.match(crit([name, '-h']).text, new RegExp(`^Usage: crit ${name}`));
  }
  assert.match(crit(['--version']).text, /^crit 4\.2/);
});

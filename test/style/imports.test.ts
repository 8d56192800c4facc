/** Which way imports point between the folders of src/, and that every file is reached from somewhere. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { test } from 'node:test';
import { complaint, importsOf, type Source, sourcesBelow } from './sources.js';

const PURE = ['objects', 'plan', 'checkpoint', 'images', 'arch', 'linux', 'support'];

/**
 * What each folder may import from, beside itself: `cli, rpc -> operations -> objects -> plan -> checkpoint -> images ->
 * arch -> linux -> support`, and with effects `operations -> tracer -> host -> arch`. Two values cross over: tracer/
 * runs the tapes of plan/ and fills in the views of checkpoint/. Objects know neither tracer/ nor host/.
 */
const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  support: [],
  linux: ['support'],
  arch: ['linux', 'support'],
  images: below('images'),
  checkpoint: below('checkpoint'),
  plan: below('plan'),
  objects: below('objects'),
  host: ['arch', 'linux', 'support'],
  tracer: ['host', 'plan', 'checkpoint', 'arch', 'linux', 'support'],
  options: ['linux', 'support'],
  // Image folders by Node's own file calls, for tools that need no FFI.
  folder: ['images', 'support'],
  operations: [...PURE, 'tracer', 'host', 'options', 'folder', 'coredump'],
  'images-library': ['checkpoint', 'images', 'folder', 'support'],
  coredump: ['images', 'arch', 'linux', 'support'],
  crit: ['images', 'linux', 'folder', 'support'],
  cli: ['operations', 'options', 'support'],
  rpc: ['operations', 'options', 'images', 'support'],
  library: ['operations', 'options', 'support'],
  // src/index.ts
  '.': ['operations', 'options', 'library', 'support'],
};

function below(folder: string): string[] {
  return PURE.slice(PURE.indexOf(folder) + 1);
}

const folderOf = (path: string): string => {
  const [, folder = '.', ...rest] = path.split('/');
  return rest.length === 0 ? '.' : folder;
};

/** One file per .proto, complete on purpose: a message waits there for the object that will use it. */
const IMAGE_TABLES = /^src\/images\/messages\//;

const isTest = ({ path }: Source): boolean => path.endsWith('.test.ts');

/** What is wrong with the imports of one file of src/. */
function wrongImports(source: Source): string[] {
  const from = folderOf(source.path);
  const allowed = ALLOWED[from];
  if (!allowed) {
    return [
      complaint(
        source.path,
        1,
        `folder '${from}' has no place in the order`,
        'add it to imports.test.ts and ARCHITECTURE.md',
      ),
    ];
  }
  return importsOf(source).flatMap(({ line, specifier, file }) => {
    if (/^(koffi|@koromix\/)/.test(specifier) && from !== 'host') {
      return [
        complaint(
          source.path,
          line,
          `imports '${specifier}'`,
          'only src/host/ calls the FFI: use its port',
        ),
      ];
    }
    if (file === undefined) return [];
    if (!file.startsWith('src/')) {
      return isTest(source)
        ? []
        : [complaint(source.path, line, `imports '${file}'`, 'src/ must stand alone')];
    }
    const to = folderOf(file);
    if (to === from || allowed.includes(to)) return [];
    return [
      complaint(
        source.path,
        line,
        `${from}/ imports ${to}/`,
        `it may import ${allowed.join(', ') || 'nothing'}: pass the value in, or move the code down`,
      ),
    ];
  });
}

test('the import check sees what it must see', () => {
  const source = (path: string, text: string): Source => ({ path, text, lines: text.split('\n') });
  const bad = [
    source('src/linux/a.ts', "import { x } from '../host/x.js';"),
    source('src/objects/files/a.ts', "import type {\n  X,\n} from '../../tracer/x.js';"),
    source('src/cli/a.ts', "const x = await import('../objects/x.js');"),
    source('src/plan/a.ts', "export { x } from '../objects/x.js';"),
    source('src/tracer/a.ts', "import koffi from 'koffi';"),
    source('src/new-folder/a.ts', ''),
    source('src/linux/b.ts', "import '../../test/x.js';"),
  ];
  for (const file of bad) assert.equal(wrongImports(file).length, 1, file.path);
  const good = [
    source(
      'src/objects/files/a.ts',
      "import { x } from '../../plan/x.js';\nimport { y } from './y.js';",
    ),
    source('src/host/a.ts', "import koffi from 'koffi';"),
    source('src/index.ts', "export { dump } from './operations/dump.js';"),
  ];
  for (const file of good) assert.deepEqual(wrongImports(file), [], file.path);
});

test('imports point one way: cli, rpc -> operations -> objects -> ... -> support', () => {
  // A test beside its file may also use what the file's callers would give it.
  const wrong = sourcesBelow('src')
    .filter((source) => !isTest(source))
    .flatMap(wrongImports);
  assert.deepEqual(wrong, []);
});

test('imports make no circles between files', () => {
  const files = new Map(sourcesBelow('src').map((source) => [source.path, source]));
  const done = new Set<string>();
  const circles: string[] = [];
  function visit(path: string, trail: readonly string[]): void {
    if (trail.includes(path)) {
      circles.push([...trail.slice(trail.indexOf(path)), path].join(' -> '));
      return;
    }
    if (done.has(path)) return;
    const source = files.get(path);
    for (const { file, line } of source ? importsOf(source) : []) {
      // A type import vanishes when compiled: only values can be missing at start-up.
      if (file && !isTypeOnly(source as Source, line)) visit(file, [...trail, path]);
    }
    done.add(path);
  }
  for (const path of files.keys()) visit(path, []);
  assert.deepEqual(circles, [], 'move what both need into a third file');
});

/** Whether the import that ends on `line` is `import type` or `export type`. */
function isTypeOnly({ lines }: Source, line: number): boolean {
  for (let at = line - 1; at >= 0; at--) {
    const start = /^\s*(import|export)\b( type\b)?/.exec(lines[at] as string);
    if (start) return start[2] !== undefined;
  }
  return false;
}

test('only src/host/ loads native code', () => {
  const wrong = sourcesBelow('src')
    .filter(({ path }) => folderOf(path) !== 'host')
    .flatMap(({ path, lines }) =>
      lines.flatMap((line, index) =>
        /\b(process\.dlopen|createRequire)\b/.test(line)
          ? [complaint(path, index + 1, 'loads native code', 'only src/host/ may: use its port')]
          : [],
      ),
    );
  assert.deepEqual(wrong, []);
});

test('no file of src/ is dead: each is reached from an entry or a test', () => {
  const sources = sourcesBelow('src', 'test', 'bench', 'scripts');
  const files = new Map(sources.map((source) => [source.path, source]));
  const entries = [
    'src/cli/main.ts',
    'src/crit/main.ts',
    'src/index.ts',
    'src/images-library/index.ts',
    'src/library/worker.ts',
  ];
  const outside = sources.filter((source) => isTest(source) || !source.path.startsWith('src/'));
  const waiting = [...entries.filter(existsSync), ...outside.map(({ path }) => path)];
  const reached = new Set<string>();
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    if (reached.has(path)) continue;
    reached.add(path);
    const source = files.get(path);
    for (const { file } of source ? importsOf(source) : []) if (file) waiting.push(file);
  }
  const dead = sources
    .filter(({ path }) => path.startsWith('src/') && !IMAGE_TABLES.test(path) && !reached.has(path))
    .map(({ path }) => complaint(path, 1, 'nothing imports it', 'use it, test it or remove it'));
  assert.deepEqual(dead, []);
});

/** Sizes of files and functions, banned constructs, words that must not be in the repository, biome. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { WOODFROG_VERSION } from '../../src/support/version.js';
import { codeOnly, complaint, filesBelow, type Source, sourcesBelow } from './sources.js';

const FILE_LINES_MAX = 600;
const FILE_LINES_WARN = 400;
const FUNCTION_LINES_MAX = 70;
/** Tables, which are as long as the kernel's or the format's. */
const TABLES = /^src\/(linux|images\/messages)\//;
const CODE = ['src', 'test', 'bench', 'scripts'];

test(`no file is longer than ${FILE_LINES_MAX} lines`, (context) => {
  const sizes = sourcesBelow(...CODE)
    .filter(({ path }) => !TABLES.test(path))
    .map(({ path, lines }) => ({ path, count: lines.length - 1 }));
  const say = ({ path, count }: { path: string; count: number }) =>
    complaint(path, count, `${count} lines`, 'split it by concept into a folder of the same name');
  for (const file of sizes) if (file.count > FILE_LINES_WARN) context.diagnostic(say(file));
  assert.deepEqual(sizes.filter(({ count }) => count > FILE_LINES_MAX).map(say), []);
});

/** Functions that start a line of their own, with their lengths: biome has made each end with its `}` at the same depth. */
function longFunctions({ path, text }: Source): string[] {
  const lines = codeOnly(text).split('\n');
  const start =
    /^(\s*)(?:export )?(?:async )?(?:function\b|(?:const|let) \w+ = (?:async )?\(?[^=]*=> \{$|(?:(?:static|async|override|private|get|set) )*[#\w]+\([^)]*\)[^;]* \{$)/;
  const control = /^\s*(?:if|for|while|switch|catch|with|return|test|describe|it)\b/;
  return lines.flatMap((line, index) => {
    const match = start.exec(line);
    if (!match || control.test(line)) return [];
    const end = lines.findIndex((other, at) => at > index && other.startsWith(`${match[1]}}`));
    const length = end - index + 1;
    return length > FUNCTION_LINES_MAX
      ? [
          complaint(
            path,
            index + 1,
            `a function of ${length} lines`,
            `give its steps names: at most ${FUNCTION_LINES_MAX}`,
          ),
        ]
      : [];
  });
}

test('the scan for long functions sees what it must see', () => {
  const body = '  step();\n'.repeat(FUNCTION_LINES_MAX);
  const heads = [
    'export function f(a: number): void {',
    'const f = (a: number) => {',
    'async function f() {',
  ];
  for (const head of heads) {
    const text = `${head}\n${body}}\n`;
    assert.equal(longFunctions({ path: 'a.ts', text, lines: [] }).length, 1, head);
  }
  const method = `class A {\n  run(a: number): void {\n${body}  }\n}\n`;
  assert.equal(longFunctions({ path: 'a.ts', text: method, lines: [] }).length, 1);
  const short = 'function f() {\n  step();\n}\n'.repeat(FUNCTION_LINES_MAX);
  assert.deepEqual(longFunctions({ path: 'a.ts', text: short, lines: [] }), []);
});

test(`no function is longer than ${FUNCTION_LINES_MAX} lines`, () => {
  assert.deepEqual(sourcesBelow(...CODE).flatMap(longFunctions), []);
});

interface Ban {
  readonly pattern: RegExp;
  readonly what: string;
  readonly remedy: string;
  readonly where: RegExp;
  readonly except?: RegExp;
}

const BANS: readonly Ban[] = [
  {
    // Only what can be told from the line: a type checker would be needed for more.
    pattern:
      /(?<![.\w])Number\([^;]*(?:\bgetBigU?[iI]nt64\(|\bBigInt\b|\b(?:0x[\da-f_]+|[\d_]+)n\b)/,
    what: 'Number(...) of a bigint',
    remedy: 'use toNumber of support/bytes.ts, which asserts that nothing is lost',
    where: /^src\//,
    except: /^src\/support\/bytes\.ts$|\.test\.ts$/,
  },
  {
    pattern: /^\s*export default\b/,
    what: 'a default export',
    remedy: 'export it by its name',
    where: /./,
  },
  {
    pattern: /^\s*(?:export |declare )*(?:const )?(?:enum|namespace) \w+/,
    what: 'an enum or namespace',
    remedy: 'use plain constants or an object, and a module',
    where: /./,
  },
  {
    pattern: /\bprocess\.(?:exit|abort)\(/,
    what: 'process.exit',
    remedy: 'return, or throw a CheckpointError: the front end sets the exit status',
    where: /^src\//,
  },
  {
    pattern: /\bconsole\.\w+\(/,
    what: 'console',
    remedy: 'write to the Log that was passed in',
    where: /^src\//,
  },
  {
    pattern: /\bchild_process\b/,
    what: 'child_process',
    remedy: 'its waits would steal the statuses of traced tasks: use src/host/',
    where: /^src\//,
    // The library's helper is started where nothing is traced.
    except: /\.test\.ts$|^src\/library\/helper\.ts$/,
  },
];

function banned({ path, text }: Source): string[] {
  const bans = BANS.filter(({ where, except }) => where.test(path) && !except?.test(path));
  const code = codeOnly(text).split('\n');
  return code.flatMap((line, index) =>
    bans
      .filter(({ pattern }) => pattern.test(line))
      .map(({ what, remedy }) => complaint(path, index + 1, what, remedy)),
  );
}

test('the bans see what they must see', () => {
  const path = 'src/a.ts';
  const bad = [
    'const a = Number(b & 0xffn);',
    'Number(view.getBigUint64(0))',
    'export default a;',
    'export enum A {',
    'process.exit(1);',
    'console.log(a);',
  ];
  for (const text of bad) assert.equal(banned({ path, text, lines: [] }).length, 1, text);
  const good = [
    'const a = toNumber(b); // not Number(1n)',
    "say('console.log(1)');",
    'Number.parseInt(a, 10);',
  ];
  for (const text of good) assert.deepEqual(banned({ path, text, lines: [] }), [], text);
});

test('nothing is used that has a better replacement', () => {
  assert.deepEqual(sourcesBelow(...CODE).flatMap(banned), []);
});

test('a module says what it is, in at most eight lines', () => {
  const wrong = sourcesBelow('src').flatMap(({ path, text }) => {
    const head = /^\/\*\*[\s\S]*?\*\//.exec(text)?.[0];
    return head !== undefined && head.split('\n').length > 10
      ? [complaint(path, 1, 'a long head', 'say what it is in at most 8 lines')]
      : [];
  });
  assert.deepEqual(wrong, []);
});

test('nothing depends on the machine it was written on', () => {
  const texts = [...CODE, 'docs', 'bin'].flatMap((folder) =>
    ['.ts', '.mjs', '.js', '.md', '.json'].flatMap((ending) => filesBelow(folder, ending)),
  );
  const wrong = texts.flatMap(({ path, lines }) =>
    lines.flatMap((line, index) =>
      /(^|['"`\s(=:])\/(?:work|workspace|Users|home\/\w+|tmp\/wt)\//.test(line)
        ? [
            complaint(
              path,
              index + 1,
              'a path of one machine',
              'make a folder with mkdtemp, or take it as an argument',
            ),
          ]
        : [],
    ),
  );
  assert.deepEqual(wrong, []);
});

test('decisions are numbered without gaps', () => {
  const folder = 'docs/decisions';
  const names = existsSync(folder) ? readdirSync(folder).sort() : [];
  const expected = names.map((_, index) => String(index + 1).padStart(4, '0'));
  assert.deepEqual(
    names.map((name) => /^(\d{4})-[a-z0-9-]+\.md$/.exec(name)?.[1] ?? name),
    expected,
    `${folder}: name each NNNN-title.md, counting from 0001`,
  );
});

test("the version in the code is the package's", () => {
  assert.equal(WOODFROG_VERSION, JSON.parse(readFileSync('package.json', 'utf8')).version);
});

test('biome has nothing to say', () => {
  const { status, stdout, stderr } = spawnSync('node_modules/.bin/biome', ['check', '.'], {
    encoding: 'utf8',
  });
  assert.equal(status, 0, `${stdout}${stderr}\nRemedy: npm run format`);
});

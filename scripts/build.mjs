// Builds what a user runs, into dist/: a CommonJS bundle per program (start-up is the first budget: one file to
// read, no resolution), the ESM library entry, and its types. `--dev` also transpiles every source and test, file
// by file, into out/, where node:test runs them.
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { makeCodeCaches } from './code-cache.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
process.chdir(root);
const dev = process.argv.includes('--dev');

/** Every .ts file below `folder`. */
function sources(folder) {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true })
    .filter((name) => name.endsWith('.ts') && !name.endsWith('.d.ts'))
    .map((name) => join(folder, name));
}

const common = { target: 'node20', platform: 'node', logLevel: 'warning', legalComments: 'none' };

async function bundle() {
  rmSync('dist', { recursive: true, force: true });
  const programs = { woodfrog: 'src/cli/main.ts', crit: 'src/crit/main.ts' };
  const entries = Object.fromEntries(
    Object.entries(programs).filter(([, path]) => existsSync(path)),
  );
  await build({
    ...common,
    entryPoints: entries,
    bundle: true,
    minifySyntax: true,
    minifyWhitespace: true,
    format: 'cjs',
    define: { 'import.meta.url': 'undefined' },
    outdir: 'dist',
    outExtension: { '.js': '.cjs' },
    // bin/ runs it as a script, where import() is not to be had.
    supported: { 'dynamic-import': false },
    external: ['koffi', '@koromix/*'],
  });
  if (existsSync('src/index.ts')) {
    const library = { index: 'src/index.ts', images: 'src/images-library/index.ts' };
    if (existsSync('src/library/worker.ts')) library.worker = 'src/library/worker.ts';
    await build({
      ...common,
      entryPoints: library,
      bundle: true,
      splitting: true,
      format: 'esm',
      outdir: 'dist',
      external: ['koffi', '@koromix/*'],
    });
    execFileSync('node_modules/.bin/tsc', ['-p', 'tsconfig.types.json'], { stdio: 'inherit' });
  }
}

/** One .js per .ts, imports untouched: what the tests and scripts run from. */
async function transpile() {
  rmSync('out', { recursive: true, force: true });
  await build({
    ...common,
    entryPoints: ['src', 'test', 'bench', 'scripts'].flatMap(sources),
    format: 'esm',
    outdir: 'out',
    outbase: '.',
    sourcemap: 'inline',
  });
}

await Promise.all([bundle(), ...(dev ? [transpile()] : [])]);
await makeCodeCaches();

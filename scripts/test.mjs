// Runs tests: `npm test` all of them; `npm test -- unit style kernel/fds` only those layers or paths.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

process.chdir(fileURLToPath(new URL('..', import.meta.url)));
const ALL = ['unit', 'style', 'fuzz', 'kernel', 'apps', 'interop', 'faults'];

function run(command, args, options = {}) {
  const { status, signal } = spawnSync(command, args, { stdio: 'inherit', ...options });
  if (status !== 0) process.exit(signal ? 1 : status || 1);
}

/** The compiled test files of a layer, or of a path below test/. */
function testFiles(layer) {
  const base = layer === 'unit' ? 'out/src' : join('out/test', layer);
  if (existsSync(`${base}.test.js`)) return [`${base}.test.js`];
  if (!existsSync(base)) {
    if (ALL.includes(layer)) return [];
    console.error(`No such tests: '${layer}'`);
    process.exit(2);
  }
  if (statSync(base).isFile()) return [base];
  return readdirSync(base, { recursive: true })
    .filter((name) => name.endsWith('.test.js'))
    .map((name) => join(base, name))
    .sort();
}

const layers = process.argv.slice(2);
run(process.execPath, ['scripts/build.mjs', '--dev']);
run('node_modules/.bin/tsc', ['--noEmit']);
const files = (layers.length ? layers : ALL).flatMap(testFiles);
run(process.execPath, ['--test', '--test-timeout=300000', '--test-concurrency=2', ...files]);

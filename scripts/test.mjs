// Runs tests: `npm test` all of them; `npm test -- unit style kernel/fds` only those layers or paths.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
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

const PID_MAX = '/proc/sys/kernel/pid_max';

/** Programs that were dumped get their numbers back only if nobody has them: some tests start processes by the thousand. */
function withManyPids(work) {
  const before = readFileSync(PID_MAX, 'latin1');
  const set = (value) => {
    try {
      writeFileSync(PID_MAX, value);
    } catch (error) {
      if (!['EACCES', 'EPERM', 'EROFS', 'EINVAL'].includes(error.code)) throw error;
    }
  };
  if (Number(before) < 4_194_304) set('4194304');
  try {
    return work();
  } finally {
    if (readFileSync(PID_MAX, 'latin1') !== before) set(before);
  }
}

const layers = process.argv.slice(2);
run(process.execPath, ['scripts/build.mjs', '--dev']);
run('node_modules/.bin/tsc', ['--noEmit']);
const files = (layers.length ? layers : ALL).flatMap(testFiles);
const args = ['--test', '--test-timeout=300000', '--test-concurrency=2', ...files];
process.exitCode = withManyPids(() => {
  const { status } = spawnSync(process.execPath, args, { stdio: 'inherit' });
  return status ?? 1;
});

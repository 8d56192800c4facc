// Compiles ahead: each program runs once per command, on a small tree that sleeps, and what V8 has compiled by then is
// stored beside it, as PROGRAM.COMMAND.cache. What cannot run here (no privileges, an old kernel) is compiled when a
// user runs it, as everything would be without a cache, or by another version of Node.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const MAKER = fileURLToPath(new URL('make-code-cache.cjs', import.meta.url));
const TIMEOUT_MS = 20_000;

/** Runs `program` of bin/; true when it ended well. Its options of V8 must be those of bin/: none. */
function make(program, command, args) {
  const cache = resolve('dist', `${program}.cjs${command && `.${command}`}.cache`);
  const { NODE_OPTIONS: _, ...env } = process.env;
  const { status } = spawnSync(process.execPath, [MAKER, cache, resolve('bin', program), ...args], {
    env,
    stdio: 'ignore',
    timeout: TIMEOUT_MS,
  });
  return status === 0;
}

/** Fills dist/ with the caches of the programs that are in it. */
export async function makeCodeCaches() {
  for (const program of ['woodfrog', 'crit']) make(program, '', ['--version']);
  const dir = mkdtempSync(join(tmpdir(), 'woodfrog-build-'));
  const images = join(dir, 'images');
  mkdirSync(images);
  const tree = spawn('sh', ['-c', 'sleep 60 | cat'], { cwd: dir, detached: true, stdio: 'ignore' });
  const ended = once(tree, 'exit');
  try {
    const place = ['-D', images, '-o', join(dir, 'log')];
    make('woodfrog', 'check', ['check', '-o', join(dir, 'log')]);
    const dumped = make('woodfrog', 'dump', ['dump', '-t', String(tree.pid), ...place]);
    // Until it is reaped its number is taken.
    if (dumped) await ended;
    make('woodfrog', 'restore', ['restore', '-d', ...place]);
    const image = join(images, 'inventory.img');
    if (existsSync(image)) make('crit', 'show', ['show', image]);
    if (existsSync(image)) make('crit', 'decode', ['decode', '-i', image]);
  } finally {
    try {
      // The restored tree has the same number.
      process.kill(-tree.pid, 'SIGKILL');
    } catch {
      // It was dumped and not restored.
    }
    rmSync(dir, { recursive: true, force: true });
  }
}

/** Compiles the small C programs of the tests on demand, once per content. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync } from 'node:fs';
import { basename, join } from 'node:path';
import { cacheDir, testSource } from './paths.js';

const FLAGS = ['-O1', '-g', '-Wall', '-Werror', '-pthread', '-D_GNU_SOURCE'];

/**
 * The path of the executable of `test/<name>`, a C file; compiled when it or a support header
 * changed.
 */
export function compile(name: string, extraFlags: readonly string[] = []): string {
  const source = testSource(name);
  const support = testSource('support');
  const flags = [...FLAGS, ...extraFlags];
  const hash = createHash('sha256').update(flags.join(' ')).update(readFileSync(source));
  for (const header of readdirSync(support)
    .filter((file) => file.endsWith('.h'))
    .sort()) {
    hash.update(readFileSync(join(support, header)));
  }
  const stem = basename(name, '.c');
  const program = join(cacheDir, `${stem}-${hash.digest('hex').slice(0, 16)}`);
  if (existsSync(program)) return program;
  mkdirSync(cacheDir, { recursive: true });
  // Written aside and renamed: test files compile side by side.
  const fresh = `${program}.${process.pid}`;
  const libraries = ['-lrt', '-ldl', '-lm'];
  execFileSync('gcc', [...flags, `-I${support}`, source, '-o', fresh, ...libraries], {
    stdio: ['ignore', 'inherit', 'inherit'],
    timeout: 60_000,
  });
  renameSync(fresh, program);
  return program;
}

/** Programs of 32-bit code: how they are compiled, and whether that can be done and run here. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { cacheDir } from './paths.js';

/** Inode numbers, sizes and times have 64 bits here, too. */
export const FLAGS_32: readonly string[] = ['-m32', '-D_FILE_OFFSET_BITS=64', '-D_TIME_BITS=64'];

/** Why no such program can be tested here; undefined: it can. */
export const NO_32_BIT = whyNot();

function whyNot(): string | undefined {
  mkdirSync(cacheDir, { recursive: true });
  const program = join(cacheDir, `runs-32-bit-code.${process.pid}`);
  const compiled = spawnSync('gcc', ['-m32', '-x', 'c', '-', '-o', program], {
    input: 'int main(void) { return 0; }',
    timeout: 60_000,
  });
  if (compiled.status !== 0) return 'gcc has no -m32 (gcc-multilib)';
  try {
    execFileSync(program, { timeout: 60_000 });
    return undefined;
  } catch {
    return 'this kernel runs no 32-bit code';
  }
}

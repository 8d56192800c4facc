import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { syscallName } from './syscall-names.js';
import { NR } from './syscall-numbers.js';

test('every number of the C header is in the table', () => {
  const input = '#include <asm/unistd_64.h>\n';
  const macros = execFileSync('gcc', ['-E', '-dM', '-x', 'c', '-'], { input, encoding: 'utf8' });
  const header = [...macros.matchAll(/^#define __NR_(\w+) (\d+)$/gm)];
  assert.ok(header.length > 350);
  const numbers: Record<string, number> = NR;
  for (const [, name = '', nr] of header) assert.equal(numbers[name], Number(nr), name);
});

test('the table has no number twice, and the ones newer than most headers', () => {
  const numbers = Object.values(NR);
  assert.equal(new Set(numbers).size, numbers.length);
  const newer = [NR.uretprobe, NR.cachestat, NR.map_shadow_stack, NR.mseal, NR.file_setattr];
  assert.deepEqual(newer, [335, 451, 453, 462, 469]);
});

test('numbers have their names back', () => {
  assert.equal(syscallName(0), 'read');
  assert.equal(syscallName(435), 'clone3');
  assert.equal(syscallName(9999), 'syscall_9999');
});

/** The log on a file system that is really full. Root only: it mounts a small tmpfs. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmdirSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { test } from 'node:test';

const program = resolve('bin/woodfrog');
const PAGE = 4096;

function call(command: string, ...args: string[]): void {
  const { status, stderr } = spawnSync(command, args, { encoding: 'utf8', timeout: 10_000 });
  assert.equal(status, 0, `${command} ${args.join(' ')}: ${stderr}`);
}

test('a full disk cuts the log, and is told at the end; the action ends as it would have', () => {
  const folder = mkdtempSync(join(tmpdir(), 'woodfrog-full-'));
  call('mount', '-t', 'tmpfs', '-o', `size=${4 * PAGE},nr_inodes=10`, 'tmpfs', folder);
  try {
    // All pages but none: the log file can be created, its first line has no room.
    assert.throws(() => writeFileSync(join(folder, 'filler'), Buffer.alloc(5 * PAGE)), /ENOSPC/);
    const args = ['dump', '-t', '4194304', '-D', folder, '-o', 'dump.log', '-v4'];
    const { status, stderr } = spawnSync(program, args, { encoding: 'utf8', timeout: 60_000 });
    assert.equal(status, 1);
    assert.match(stderr, /^Error: .*\n[\s\S]*Warning: The log is not complete: ENOSPC\n$/);
    assert.equal(statSync(join(folder, 'dump.log')).size, 0);
    assert.equal(readFileSync(join(folder, 'filler')).length, 4 * PAGE);
  } finally {
    call('umount', folder);
    rmdirSync(folder);
  }
});

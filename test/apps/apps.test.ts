import assert from 'node:assert/strict';
import { createReadStream, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { createGunzip } from 'node:zlib';
import { bounded } from '../support/kernel.js';
import { procText } from '../support/proc.js';
import { type Program, type StartOptions, startCommand, startProgram } from '../support/program.js';
import { tool } from '../support/tool.js';
import { sleep, waitFor } from '../support/wait.js';

/**
 * Freezes it while it works, sees that it is gone, brings it back, and lets it work on a little.
 */
async function goAndReturn(program: Program): Promise<void> {
  const images = join(program.dir, 'images');
  const pids = program.tree();
  await tool.dump(program.pid, images);
  await program.mustVanish(pids);
  await tool.restore(images);
  assert.equal(program.ended(), undefined, 'the program runs after the restore');
  await sleep(100);
}

async function freezeOnly(program: Program): Promise<void> {
  await tool.dump(program.pid, join(program.dir, 'images'), '-R');
  await sleep(100);
}

function appTest(name: string, program: string, options: StartOptions = {}): void {
  const run = async (act: (program: Program) => Promise<void>): Promise<void> => {
    const started = startProgram(join('apps', program), options);
    await started.waitReady(40_000);
    await sleep(100);
    await act(started);
    await started.mustPass(40_000);
  };
  describe(name, () => {
    test('control', (t) => bounded(t, () => run(() => sleep(50))));
    test('goes and returns', (t) => bounded(t, () => run(goAndReturn)));
    test('goes on after a dump with -R', (t) => bounded(t, () => run(freezeOnly)));
  });
}

appTest('a bash loop loses and repeats nothing', 'loop.sh');
appTest('python threads beside an idle SQLite database', 'threads.py');
appTest('perl with a child behind pipes', 'words.pl');
appTest('a 64-thread mutex round', 'round.c');
appTest('a tree of 200 processes', 'forest.c');
appTest('two programs sharing an anonymous mapping', 'ping-pong.c');

describe('a process of 1 GiB', () => {
  test('its memory hashes the same before and after', (t) =>
    bounded(t, async () => {
      const program = startProgram('apps/big.c', { args: ['1024'] });
      await program.waitReady(60_000);
      await goAndReturn(program);
      await program.mustPass(60_000);
    }));
});

/** What a pipeline's source says, and how to tell that none of it was lost. */
interface Source {
  name: string;
  command: string;
  check: (chunks: AsyncIterable<Buffer>) => Promise<void>;
}

/** Only the very end may be cut, where the signal hit. */
async function onlyYes(chunks: AsyncIterable<Buffer>): Promise<void> {
  const pattern = Buffer.from('y\n'.repeat(1 << 18));
  let total = 0;
  for await (const chunk of chunks) {
    const from = total % 2;
    total += chunk.length;
    if (!chunk.equals(pattern.subarray(from, from + chunk.length))) assert.fail('not only y lines');
  }
  assert.ok(total > 100_000);
}

async function consecutive(chunks: AsyncIterable<Buffer>): Promise<void> {
  let expected = 1;
  let rest = '';
  for await (const chunk of chunks) {
    const lines = (rest + chunk.toString('latin1')).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      if (line !== String(expected)) assert.fail(`line ${expected} says '${line.slice(0, 100)}'`);
      expected++;
    }
  }
  assert.ok(expected > 1000);
}

const sources: readonly Source[] = [
  { name: 'yes', command: 'yes', check: onlyYes },
  { name: 'seq', command: 'seq 1 1000000000', check: consecutive },
];

async function pipeline(source: Source, act: (program: Program) => Promise<void>): Promise<void> {
  const script = `${source.command} | cat | gzip -1 > out.gz; echo "ended \${PIPESTATUS[*]}"`;
  const program = startCommand(['bash', '-c', script]);
  const compressed = join(program.dir, 'out.gz');
  const size = (): number => statSync(compressed, { throwIfNoEntry: false })?.size ?? 0;
  await waitFor('compressed output', () => size() > 1000);
  const firstWord = source.command.split(' ')[0];
  const pid = program.tree().find((one) => procText(one, 'comm')?.trim() === firstWord);
  assert.ok(pid !== undefined, `${firstWord} runs`);
  await act(program);
  const before = size();
  await waitFor('more compressed output', () => size() > before);
  process.kill(pid, 'SIGTERM');
  const ended = await waitFor('the end of the pipeline', () => program.ended());
  assert.deepEqual(ended, { code: 0 });
  assert.match(program.output(), /ended 143 0 0\n$/);
  await source.check(createReadStream(compressed).pipe(createGunzip()));
}

for (const source of sources) {
  describe(`a pipeline: ${source.name} | cat | gzip`, () => {
    test('control', (t) => bounded(t, () => pipeline(source, () => sleep(20))));
    test('goes and returns, intact to the last byte', (t) =>
      bounded(t, () => pipeline(source, goAndReturn)));
    test('goes on after a dump with -R', (t) => bounded(t, () => pipeline(source, freezeOnly)));
  });
}

/**
 * Real programs at work, each with its own check that nothing was lost: what happens to one in the
 * middle of its work is for the caller to say.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createReadStream, existsSync, renameSync, statSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { createGunzip } from 'node:zlib';
import type { Pair } from './kernel.js';
import { procText } from './proc.js';
import { type Program, startCommand, startProgram } from './program.js';
import { sleep, waitFor } from './wait.js';

/** What is done to the program while it works; its dump and restore need these arguments. */
export type Act = (program: Program, ...args: readonly string[]) => Promise<void>;

export interface App {
  name: string;
  /** Starts it, lets `act` happen, lets it work on, and checks that nothing was lost. */
  run: (act: Act) => Promise<void>;
  /** What CRIU loses of it: it does not go over. */
  criuLoses?: string;
}

/**
 * Freezes it while it works, sees that it is gone, brings it back, and lets it work on a little.
 */
export const goAndReturn =
  ({ dumper, restorer }: Pair): Act =>
  async (program, ...args) => {
    const images = join(program.dir, 'images');
    const pids = program.tree();
    await dumper.dump(program.pid, images, ...args);
    await program.mustVanish(pids);
    await restorer.restore(images, ...args);
    assert.equal(program.ended(), undefined, 'the program runs after the restore');
    await sleep(100);
  };

const ownCheck = (name: string, program: string, ...args: string[]): App => ({
  name,
  run: async (act) => {
    const started = startProgram(join('apps', program), { args });
    await started.waitReady(40_000);
    await sleep(100);
    await act(started);
    await started.mustPass(40_000);
  },
});

/** A process of so many MiB, whose memory hashes the same before and after. */
export const bigApp = (mebibytes: number): App => ({
  name: `a process of ${mebibytes} MiB hashes its memory`,
  run: async (act) => {
    const program = startProgram('apps/big.c', { args: [String(mebibytes)] });
    await program.waitReady(60_000);
    await act(program);
    await program.mustPass(60_000);
  },
});

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

/** `source | cat | gzip`: what the source says arrives, compressed, intact to the last byte. */
const pipeline = (
  command: string,
  check: (chunks: AsyncIterable<Buffer>) => Promise<void>,
): App => ({
  name: `a pipeline: ${command.split(' ')[0]} | cat | gzip`,
  run: async (act) => {
    const script = `${command} | cat | gzip -1 > out.gz; echo "ended \${PIPESTATUS[*]}"`;
    const program = startCommand(['bash', '-c', script]);
    const compressed = join(program.dir, 'out.gz');
    const size = (): number => statSync(compressed, { throwIfNoEntry: false })?.size ?? 0;
    await waitFor('compressed output', () => size() > 1000);
    const firstWord = command.split(' ')[0];
    const pid = program.tree().find((one) => procText(one, 'comm')?.trim() === firstWord);
    assert.ok(pid !== undefined, `${firstWord} runs`);
    await act(program);
    const before = size();
    await waitFor('more compressed output', () => size() > before);
    process.kill(pid, 'SIGTERM');
    const ended = await waitFor('the end of the pipeline', () => program.ended());
    assert.deepEqual(ended, { code: 0 });
    assert.match(program.output(), /ended 143 0 0\n$/);
    await check(createReadStream(compressed).pipe(createGunzip()));
  },
});

/** A daemon whose log somebody takes away before it is frozen, and once more when it is back. */
const rotated = (what: string, takeAway: (log: string, times: number) => void): App => ({
  name: `a daemon whose log is ${what} around the freeze`,
  run: async (act) => {
    const program = startProgram('apps/logger.py');
    const log = join(program.dir, 'app.log');
    await program.waitReady(40_000);
    takeAway(log, 1);
    await sleep(50);
    await act(program);
    process.kill(program.pid, 'SIGHUP');
    await waitFor('a new log', () => existsSync(log));
    await sleep(50);
    takeAway(log, 2);
    await program.mustPass(40_000);
  },
});

/** Its rows are nobody's business before it commits, and its locks keep others from writing all the time. */
const transaction: App = {
  name: 'sqlite3 behind pipes, in the middle of a transaction',
  run: async (act) => {
    const program = startProgram('apps/sqlite.sh');
    await program.waitReady(40_000);
    const ask = (sql: string): string => {
      const { stdout, stderr } = spawnSync('sqlite3', [join(program.dir, 'data.db'), sql]);
      return `${stdout}${stderr}`;
    };
    const mustBeApart = (): void => {
      assert.equal(ask('select count(*) from words;'), '0\n');
      assert.match(ask('begin immediate;'), /database is locked/);
    };
    mustBeApart();
    await act(program, '--file-locks');
    mustBeApart();
    await program.mustPass(40_000);
  },
};

export const APPS: readonly App[] = [
  transaction,
  rotated('renamed', (log, times) => renameSync(log, `${log}.${times}`)),
  rotated('deleted', (log) => unlinkSync(log)),
  ownCheck('a bash loop loses and repeats nothing', 'loop.sh'),
  ownCheck('python threads beside an idle SQLite database', 'threads.py'),
  {
    ...ownCheck('an event loop over everything that can be waited for', 'event-loop.c'),
    criuLoses: 'it drops events of inotify that have not been read',
  },
  ownCheck('an event loop that looks for what it may have missed', 'event-loop.c', 'rescan'),
  ownCheck('Node.js with worker threads, timers and a thread pool', 'workers.mjs'),
  ownCheck('perl with a child behind pipes', 'words.pl'),
  ownCheck('a 64-thread mutex round', 'round.c'),
  ownCheck('a tree of 200 processes', 'forest.c'),
  ownCheck('two programs sharing an anonymous mapping', 'ping-pong.c'),
  pipeline('yes', onlyYes),
  pipeline('seq 1 1000000000', consecutive),
];

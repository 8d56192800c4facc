/** Deadlines in several threads of one process at once, and what is left of them in the process. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { SIGINT, SIGTERM, sigmask } from '../linux/signal.js';
import { pause } from '../linux/syscalls/tasks.js';
import { CheckpointError } from '../support/errors.js';
import { Host } from './host.js';
import { Interrupts } from './interrupts.js';
import { Stubs } from './stubs.js';
import { waitOne } from './wait.js';

const here = (name: string): string => JSON.stringify(new URL(name, import.meta.url).href);

/** Sleeps in pause(2) until it is interrupted for good, `rounds` times. */
const SLEEPER = `
  const { workerData, parentPort } = require('node:worker_threads');
  (async () => {
    const { Host } = await import(${here('./host.js')});
    const { Interrupts } = await import(${here('./interrupts.js')});
    const { pause } = await import(${here('../linux/syscalls/tasks.js')});
    const word = new Int32Array(workerData.word);
    for (let round = 0; round < workerData.rounds; round++) {
      using_(new Host(), (host) => using_(
        new Interrupts(host, { cancelled: () => Atomics.load(word, 0) === 1 }),
        (interrupts) => {
          interrupts.arm(workerData.seconds);
          try {
            for (;;) { host.attempt(pause, {}); interrupts.check(() => 'nothing'); }
          } catch (error) {
            parentPort.postMessage(error.what);
          }
        },
      ));
    }
  })();
  function using_(resource, fn) {
    try { return fn(resource); } finally { resource[Symbol.dispose](); }
  }
`;

interface Sleeper {
  readonly rounds: number;
  readonly seconds: number;
}

/** What each round ended with. */
function sleep({ rounds, seconds }: Sleeper, word = new SharedArrayBuffer(4)): Promise<string[]> {
  const worker = new Worker(SLEEPER, { eval: true, workerData: { rounds, seconds, word } });
  const said: string[] = [];
  worker.on('message', (text: string) => said.push(text));
  return new Promise((done, failed) => {
    worker.once('error', failed);
    worker.once('exit', () => done(said));
  });
}

/** Signals that this process catches, from proc_pid_status(5). */
function caught(): bigint {
  const text = readFileSync('/proc/self/status', 'utf8');
  return BigInt(`0x${/^SigCgt:\t(\w+)$/m.exec(text)?.[1]}`);
}

test('several threads have deadlines at once; one that is done takes nothing from the others', async () => {
  const timedOut = (seconds: number) => `timed out after ${seconds} s waiting for nothing`;
  const before = caught();
  const [short, long] = await Promise.all([
    sleep({ rounds: 10, seconds: 0.03 }),
    sleep({ rounds: 1, seconds: 0.6 }),
  ]);
  assert.deepEqual(short, Array(10).fill(timedOut(0.03)));
  assert.deepEqual(long, [timedOut(0.6)]);
  const after = caught();
  assert.equal(after & sigmask(SIGINT), before & sigmask(SIGINT));
  assert.equal(after & sigmask(SIGTERM), before & sigmask(SIGTERM));
});

test('a caller in another thread can cancel a blocking call that has no deadline', async () => {
  const word = new SharedArrayBuffer(4);
  setTimeout(() => Atomics.store(new Int32Array(word), 0, 1), 100);
  assert.deepEqual(await sleep({ rounds: 1, seconds: 0 }, word), ['cancelled by the caller']);
});

test('signals ask to stop only without `cancelled`, and get their old handlers back', () => {
  const before = caught();
  const signals = sigmask(SIGINT) | sigmask(SIGTERM);
  using host = new Host();
  {
    using _library = new Interrupts(host, { cancelled: () => false });
    assert.equal(caught() & signals, before & signals);
  }
  {
    using interrupts = new Interrupts(host);
    assert.equal(caught() & signals, signals);
    interrupts.arm(5);
    process.kill(process.pid, 'SIGTERM');
    const stop = () => interrupts.check(() => 'nothing');
    assert.throws(stop, { what: 'interrupted by SIGTERM' });
    interrupts.armCleanup(5);
    stop();
  }
  assert.equal(caught() & signals, before & signals);
});

test('a signal that comes just before a blocking call is seen all the same', () => {
  using host = new Host();
  using interrupts = new Interrupts(host);
  interrupts.arm(60);
  process.kill(process.pid, 'SIGTERM');
  const started = performance.now();
  host.attempt(pause, {});
  assert.ok(performance.now() - started < 10_000);
  assert.throws(() => interrupts.check(() => 'nothing'), { what: 'interrupted by SIGTERM' });
});

test('a host that is disposed of leaves neither its arena nor code behind', () => {
  const ours = () =>
    readFileSync('/proc/self/maps', 'utf8')
      .split('\n')
      .filter((line) => {
        const [, from = '0', to = '0', rights] = /^(\w+)-(\w+) (\S+)/.exec(line) ?? [];
        const length = Number.parseInt(to, 16) - Number.parseInt(from, 16);
        return rights === 'rwxp' || length >= 64 * 1024 * 1024;
      }).length;
  const once = () => {
    using host = new Host();
    using interrupts = new Interrupts(host);
    using _stubs = new Stubs(host);
    assert.throws(() => waitOne(host, process.pid, interrupts, () => 'it'), CheckpointError);
  };
  once();
  const before = ours();
  for (let i = 0; i < 5; i++) once();
  assert.equal(ours(), before);
});

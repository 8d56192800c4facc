// Node.js with worker threads, timers of both threads, the thread pool, shared memory that is waited on, and a watched folder.
import assert from 'node:assert/strict';
import { pbkdf2 } from 'node:crypto';
import { existsSync, mkdirSync, watch, writeFileSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { setTimeout } from 'node:timers/promises';
import { promisify } from 'node:util';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';

const WORKERS = 3;
/** Of the words in shared memory: a turn, and then what each worker has counted. */
const TURN = 0;

if (isMainThread) await main();
else work();

/** Answers each number with its square; a timer counts; every turn is waited for with Atomics.wait. */
function work() {
  const { shared, number } = workerData;
  const words = new Int32Array(shared);
  let ticks = 0;
  setInterval(() => ticks++, 5);
  parentPort.on('message', (message) => {
    if (message.turn !== undefined) {
      while (Atomics.load(words, TURN) !== message.turn) {
        Atomics.wait(words, TURN, Atomics.load(words, TURN), 20);
      }
      Atomics.add(words, 1 + number, 1);
    }
    parentPort.postMessage({ ...message, square: message.value ** 2, ticks });
  });
}

function startWorkers(shared) {
  return Array.from({ length: WORKERS }, (_, number) => {
    const worker = new Worker(new URL(import.meta.url), { workerData: { shared, number } });
    const answers = [];
    worker.on('message', (answer) => {
      answers.push(answer);
      worker.emit('answer');
    });
    worker.on('error', (error) => {
      throw error;
    });
    return { worker, answers };
  });
}

async function main() {
  const release = process.argv[2];
  const shared = new SharedArrayBuffer(4 * (1 + WORKERS));
  const words = new Int32Array(shared);
  const workers = startWorkers(shared);
  let ticks = 0;
  const interval = setInterval(() => ticks++, 5);
  mkdirSync('watched');
  const seen = new Set();
  const watcher = watch('watched', (_, name) => seen.add(name));
  const derive = promisify(pbkdf2);
  const key = (await derive('password', 'salt', 1000, 32, 'sha256')).toString('hex');
  const started = performance.now();
  let late = 0;
  const timeout = setTimeout(200).then(() => (late = performance.now() - started));

  console.log('READY');
  let rounds = 0;
  for (; !existsSync(release) || rounds < 5; rounds++) {
    const file = `numbers-${rounds % 4}`;
    const [derived] = await Promise.all([
      derive('password', 'salt', 1000, 32, 'sha256'),
      writeFile(file, String(rounds)),
      ...workers.map(({ worker }, i) =>
        roundOf(worker, { turn: rounds + 1, value: rounds * 10 + i }),
      ),
      setTimeout(2).then(() => {
        Atomics.store(words, TURN, rounds + 1);
        Atomics.notify(words, TURN);
      }),
    ]);
    assert.equal(derived.toString('hex'), key);
    assert.equal(await readFile(file, 'utf8'), String(rounds));
  }

  await timeout;
  assert.ok(late >= 199, `a timer of 200 ms ended after ${late} ms`);
  workers.forEach(({ answers }, i) => {
    assert.deepEqual(
      answers.map(({ square }) => square),
      Array.from({ length: rounds }, (_, round) => (round * 10 + i) ** 2),
    );
    assert.equal(words[1 + i], rounds);
  });
  const before = { mine: ticks, theirs: workers.map(({ answers }) => answers.at(-1).ticks) };
  do {
    await setTimeout(20);
    await Promise.all(workers.map(({ worker }) => roundOf(worker, { value: 0 })));
  } while (
    !workers.every(({ answers }, i) => answers.at(-1).ticks > before.theirs[i]) ||
    ticks === before.mine
  );
  writeFileSync('watched/new', '');
  while (!seen.has('new')) await setTimeout(5);
  watcher.close();
  clearInterval(interval);
  assert.deepEqual(await Promise.all(workers.map(({ worker }) => worker.terminate())), [1, 1, 1]);
  console.log('PASS');
}

function roundOf(worker, message) {
  return new Promise((done) => {
    worker.once('answer', done);
    worker.postMessage(message);
  });
}

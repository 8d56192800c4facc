import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  POISON,
  RECORD_RESULT_OFFSET,
  RECORD_SIZE,
  recordArgOffset,
  TAPE_INDIRECT_ARG,
  TAPE_MUST_EQUAL,
  TAPE_ON_ERROR,
  tapeInterpreter,
} from '../arch/arch.js';
import { NR } from '../linux/syscall-numbers.js';
import { close, dup3, fcntlPtr, openat } from '../linux/syscalls/files.js';
import { clone3Args, exitGroup, futex, getpid, pidfdOpen } from '../linux/syscalls/tasks.js';
import { clone_args, FUTEX_WAIT, FUTEX_WAKE_OP, futexOp } from '../linux/uapi/sched.js';
import { fromCString, viewOf } from '../support/bytes.js';
import { type EncodedPlan, encodePlan } from './encode.js';
import { Plan } from './plan.js';
import { STAGES, type Stage } from './stages.js';
import { type Track, WordAt } from './track.js';

const BASE = 0x1000_0000_0000;
const MAX_LAST = 2047;

interface Read {
  nr: number;
  flags: number;
  args: number[];
  result: bigint;
}

/** The bytes of an encoded plan, as the tapes find them. */
function reader(encoded: EncodedPlan) {
  const at = (address: number, length: number): Uint8Array => {
    const offset = address - BASE;
    for (const { offset: start, bytes } of encoded.segments) {
      if (offset >= start && offset + length <= start + bytes.length) {
        return bytes.subarray(offset - start, offset - start + length);
      }
    }
    throw new Error(`nothing at 0x${address.toString(16)}`);
  };
  const record = (address: number): Read => {
    const view = viewOf(at(address, RECORD_SIZE));
    return {
      nr: view.getUint32(0, true),
      flags: view.getUint32(4, true),
      args: [0, 1, 2, 3, 4, 5].map((i) => Number(view.getBigInt64(recordArgOffset(i), true))),
      result: view.getBigUint64(RECORD_RESULT_OFFSET, true),
    };
  };
  const tape = (track: Track): Read[] =>
    encoded.records(track).map(({ offset }) => record(BASE + offset));
  return { at, record, tape };
}

function oneTrack(): { plan: Plan; track: Track } {
  const plan = new Plan(BASE);
  const { track } = plan.track({ name: 'pid 10', vpid: 10, process: 10, temporaryFds: 100 });
  return { plan, track };
}

test('a step is its number, flags, arguments and an unknown or an expected result', () => {
  const { plan, track } = oneTrack();
  track.call(dup3, { oldfd: -1, newfd: 7, flags: 0x80000 });
  track.call(dup3, { oldfd: 1, newfd: 7, flags: 0 }, { mustEqual: 0 });
  track.call(close, { fd: 3 }, { onError: 'ignore' });
  const encoded = encodePlan(plan);
  assert.deepEqual(reader(encoded).tape(track).slice(0, 3), [
    { nr: NR.dup3, flags: TAPE_ON_ERROR, args: [-1, 7, 0x80000, 0, 0, 0], result: POISON },
    {
      nr: NR.dup3,
      flags: TAPE_ON_ERROR + TAPE_MUST_EQUAL,
      args: [1, 7, 0, 0, 0, 0],
      result: 0n,
    },
    { nr: NR.close, flags: 0, args: [3, 0, 0, 0, 0, 0], result: POISON },
  ]);
  assert.deepEqual(
    encoded
      .records(track)
      .slice(0, 3)
      .map(({ step }) => step),
    track.steps,
  );
});

test('a negative expected result is the word the kernel would return', () => {
  const { plan, track } = oneTrack();
  track.call(close, { fd: 3 }, { mustEqual: -9 });
  const [step] = reader(encodePlan(plan)).tape(track);
  assert.equal(step?.result, 2n ** 64n - 9n);
});

test('results are loaded from where their records put them, on any track', () => {
  const { plan, track } = oneTrack();
  const other = plan.track({ name: 'pid 11', vpid: 11, process: 11 }).track;
  const newfd = other.call(pidfdOpen, { pid: 10, flags: 0 });
  const oldfd = track.at('make').call(pidfdOpen, { pid: 11, flags: 0 });
  track.at('fill').call(dup3, { oldfd, newfd, flags: 0 });
  track.call(dup3, { oldfd: 1, newfd: 2, flags: new WordAt(0x5000) });
  const encoded = encodePlan(plan);
  const steps = encoded.records(track).filter(({ step }) => step);
  const [, duplicate, word] = steps.map(({ offset }) => reader(encoded).record(BASE + offset));
  assert.deepEqual(duplicate?.args.slice(0, 3), [
    encoded.resultOf(oldfd.step),
    encoded.resultOf(newfd.step),
    0,
  ]);
  assert.equal(duplicate?.flags, TAPE_ON_ERROR + TAPE_INDIRECT_ARG(0) + TAPE_INDIRECT_ARG(1));
  assert.deepEqual(word?.args.slice(0, 3), [1, 2, 0x5000]);
  assert.equal(word?.flags, TAPE_ON_ERROR + TAPE_INDIRECT_ARG(2));
  const result = encoded.records(other)[0]?.offset ?? 0;
  assert.equal(encoded.resultOf(newfd.step), BASE + result + RECORD_RESULT_OFFSET);
});

test('a value of another plan is a bug', () => {
  const { plan, track } = oneTrack();
  const fd = oneTrack().track.call(pidfdOpen, { pid: 10, flags: 0 });
  track.call(close, { fd });
  assert.throws(() => encodePlan(plan), { code: 'bug', message: /not part of it/ });
});

test('bytes and strings lie in the data, and structs that need the layout are made last', () => {
  const { plan, track } = oneTrack();
  const child = plan.track({ name: 'pid 11', vpid: 11, process: 11 }).track;
  track.call(openat, { dirfd: -100, pathname: '/etc', flags: 0, mode: 0 });
  track.call(fcntlPtr, { fd: 3, cmd: 7, arg: Uint8Array.of(1, 2, 3) });
  track.call(clone3Args, ({ startOf }) => ({
    cl_args: { flags: 0, exit_signal: 17, sp: startOf(child), set_tid: [11, 5] },
    size: clone_args.size,
  }));
  const encoded = encodePlan(plan);
  const { at, record, tape } = reader(encoded);
  const [path, bytes, clone] = tape(track).map(({ args }) => args);
  assert(path && bytes && clone);
  assert.equal(fromCString(at(path[1] ?? 0, 5)), '/etc');
  assert.deepEqual([...at(bytes[2] ?? 0, 3)], [1, 2, 3]);
  const args = clone_args.decode(at(clone[0] ?? 0, clone_args.size));
  assert.equal(args.stack + args.stack_size, encoded.startOf(child));
  assert.deepEqual([args.exit_signal, args.set_tid_size], [17, 2]);
  assert.deepEqual([...new Int32Array(at(args.set_tid, 8).slice().buffer)], [11, 5]);
  // A child starts on a record of its own: it gets the result 0 there, and goes on behind it.
  assert.equal(record(encoded.startOf(child)).flags, 0);
  assert.equal(encoded.records(child)[0]?.offset, encoded.startOf(child) - BASE + RECORD_SIZE);
});

test('steps run stage by stage, a post and a wait behind each stage in which anything happens', () => {
  const { plan, track } = oneTrack();
  track.at('fill').call(close, { fd: 4 });
  track.at('births').call(close, { fd: 1 });
  track.at('fill').call(close, { fd: 5 });
  const encoded = encodePlan(plan);
  assert.deepEqual(
    encoded.barriers.map(({ stage, participants }) => [stage, participants]),
    [
      ['births', 1],
      ['fill', 1],
      ['commit', 1],
    ],
  );
  const shown = reader(encoded)
    .tape(track)
    .map(({ nr, args }) => (nr === NR.close ? `close ${args[0]}` : `futex ${args[1]}`));
  const [post, wait] = [`futex ${FUTEX_WAKE_OP}`, `futex ${FUTEX_WAIT}`];
  const fill = ['close 4', 'close 5', post, wait];
  assert.deepEqual(shown, ['close 1', post, wait, ...fill, post, wait]);
});

test('a post counts and wakes woodfrog when it is the last; a wait is for the word that lets go', () => {
  const plan = new Plan(BASE);
  const tracks = [10, 11, 12].map(
    (vpid) => plan.track({ name: `pid ${vpid}`, vpid, process: vpid }).track,
  );
  const encoded = encodePlan(plan);
  const [barrier] = encoded.barriers;
  const [track] = tracks;
  assert(track && barrier);
  const [post, wait] = reader(encoded).tape(track);
  const counter = BASE + barrier.counter;
  assert.equal(barrier.participants, 3);
  // No one waits on the first word, and one waiter is woken on the second if it was 2 before.
  const operation = futexOp(1, 1, 0, 2);
  assert.deepEqual(post?.args, [BASE + barrier.go + 8, FUTEX_WAKE_OP, 0, 1, counter, operation]);
  assert.equal(post?.flags, TAPE_ON_ERROR);
  assert.deepEqual(wait?.args, [BASE + barrier.go, FUTEX_WAIT, 0, 0, 0, 0]);
  assert.equal(wait?.flags, 0);
});

test('where the count does not fit the operation, every post wakes woodfrog', () => {
  const plan = new Plan(BASE);
  for (let vpid = 1; vpid <= MAX_LAST + 2; vpid++) {
    plan.track({ name: `pid ${vpid}`, vpid, process: vpid });
  }
  const encoded = encodePlan(plan);
  const [track] = plan.tracks;
  const [barrier] = encoded.barriers;
  assert(track && barrier);
  const [post] = reader(encoded).tape(track);
  const counter = BASE + barrier.counter;
  assert.deepEqual(post?.args, [counter, FUTEX_WAKE_OP, 1, 0, counter, futexOp(1, 1, 0, 0)]);
});

test('a track posts from its first stage until before its last, where it ends', () => {
  const { plan, track } = oneTrack();
  const helper = plan.track({ name: 'helper', process: 0 }, { last: 'ends' }).track;
  const thread = plan.track({ name: 'tid 11', vpid: 11, process: 10 }, { first: 'threads' }).track;
  helper.at('ends').call(exitGroup, { status: 0 });
  for (const stage of STAGES) track.at(stage).call(getpid, {});
  const encoded = encodePlan(plan);
  const counts = new Map(encoded.barriers.map(({ stage, participants }) => [stage, participants]));
  const expected: [Stage, number][] = STAGES.map((stage, i) => {
    const ends = STAGES.indexOf('ends');
    return [stage, i < ends || i >= STAGES.indexOf('threads') ? 2 : 1];
  });
  assert.deepEqual([...counts], expected);
  const last = reader(encoded).tape(helper).at(-1);
  assert.equal(last?.nr, NR.exit_group);
  const [post] = reader(encoded).tape(thread);
  const barrier = encoded.barriers.find(({ stage }) => stage === 'threads');
  assert.equal(post?.args[4], BASE + (barrier?.counter ?? 0));
});

test('control words of all stages lie apart from one another and from what else there is', () => {
  const { plan, track } = oneTrack();
  for (const stage of STAGES) track.at(stage).call(getpid, {});
  const encoded = encodePlan(plan);
  const words = encoded.barriers.flatMap(({ counter, go }) => [counter, go, go + 8]);
  words.push(encoded.failed);
  assert.equal(new Set(words).size, 3 * STAGES.length + 1);
  for (const { offset, bytes } of encoded.segments) {
    for (const word of words)
      assert(word % 4 === 0 && (word < offset || word >= offset + bytes.length));
  }
});

test('segments do not overlap, and the interpreter is where it is entered', () => {
  const { plan, track } = oneTrack();
  track.call(openat, { dirfd: -100, pathname: '/etc', flags: 0, mode: 0 });
  const encoded = encodePlan(plan);
  const sorted = [...encoded.segments].sort((a, b) => a.offset - b.offset);
  sorted.forEach(({ offset, bytes }, i) => {
    assert(offset + bytes.length <= (sorted[i + 1]?.offset ?? Number.POSITIVE_INFINITY));
  });
  const { code } = tapeInterpreter;
  assert.deepEqual(reader(encoded).at(encoded.interpreter, code.length), code);
});

test('a failed tape says so, wakes who waits for that, and neither goes on nor fails onward', () => {
  const encoded = encodePlan(oneTrack().plan);
  const { record } = reader(encoded);
  const records = [0, 1, 2].map((i) => record(encoded.epilogue + i * RECORD_SIZE));
  const failed = BASE + encoded.failed;
  assert.deepEqual(
    records.map(({ nr, flags }) => [nr, flags]),
    [
      [futex.nr, 0],
      [NR.pause, 0],
      [NR.exit_group, 0],
    ],
  );
  // FUTEX_OP_SET, 1; the comparison only decides about a second wake of the same word.
  const operation = futexOp(0, 1, 0, 0);
  assert.deepEqual(records[0]?.args, [failed, FUTEX_WAKE_OP, 1, 0, failed, operation]);
  assert.equal(records[2]?.args[0], 1);
});

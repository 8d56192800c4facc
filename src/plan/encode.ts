/**
 * Plans and tracks as bytes. A plan's records lie track after track; between two stages each track posts its arrival
 * and waits to be let go. Control words, one pair a stage: how many have arrived, whether the next stage may begin.
 */
import {
  encodeRecord,
  POISON,
  RECORD_RESULT_OFFSET,
  RECORD_SIZE,
  TAPE_IA32,
  TAPE_INDIRECT_ARG,
  TAPE_MUST_EQUAL,
  TAPE_ON_ERROR,
  tapeInterpreter,
} from '../arch/x86-64/tape-interpreter.js';
import type { Memory, Param, Word } from '../linux/syscall.js';
import { exitGroup, futex, getpid, pause } from '../linux/syscalls/tasks.js';
import {
  FUTEX_OP_ADD,
  FUTEX_OP_CMP_EQ,
  FUTEX_OP_SET,
  FUTEX_WAIT,
  FUTEX_WAKE_OP,
  futexOp,
} from '../linux/uapi/sched.js';
import { assert } from '../support/assert.js';
import { alignUp, viewOf } from '../support/bytes.js';
import {
  CODE_OFFSET,
  CONTROL_OFFSET,
  EPILOGUE_OFFSET,
  PLAN_LENGTH,
  type Plan,
  RECORDS_OFFSET,
} from './plan.js';
import { STAGES, type Stage, stageIndex } from './stages.js';
import { stepsByStage } from './symbolic.js';
import { type Layout, Step, type Track, Value, WordAt } from './track.js';

/** The interpreter, the control words and the data: what lies where in a plan, relative to its base. */
export interface Segment {
  offset: number;
  bytes: Uint8Array;
}

/** One barrier: the stage all participants have finished when `arrivals` have been counted. */
export interface Barrier {
  stage: Stage;
  participants: number;
  /** Offset of the u32 that counts arrivals. */
  counter: number;
  /** Offset of the u32 that lets the next stage begin when set to 1. */
  go: number;
}

export interface EncodedPlan extends Layout {
  segments: Segment[];
  barriers: Barrier[];
  /** Offset of the u32 that a failed tape sets to 1. */
  failed: number;
  /** The address where every tape goes on failure. */
  epilogue: number;
  /** The address of the interpreter. */
  interpreter: number;
  /** Every record in its track's order, to find what failed: its offset in the plan, and the step (none: plumbing). */
  records(track: Track): { offset: number; step: Step | undefined }[];
}

const MAX_CMP_ARGUMENT = 2047;
const failedOffset = CONTROL_OFFSET + 0x1ff0;
const counterOffset = (stage: Stage): number => CONTROL_OFFSET + 64 * stageIndex(stage);
const goOffset = (stage: Stage): number => counterOffset(stage) + 4;

/** Whether the track posts its arrival at the end of this stage: helpers end within their last one instead. */
const posts = (track: Track, stage: Stage): boolean => {
  const at = stageIndex(stage);
  if (at < stageIndex(track.firstStage)) return false;
  return at < stageIndex(track.lastStage) || track.lastStage === 'commit';
};

/** Stages in which something happens, plus the first and the last: the others need no barrier. */
function usedStages(plan: Plan<never>): Stage[] {
  const used = new Set<Stage>(['births', 'commit']);
  for (const { stage } of plan.hostSteps) used.add(stage);
  for (const { track } of plan.tasks) {
    used.add(track.firstStage);
    used.add(track.lastStage);
    for (const { stage } of track.steps) used.add(stage);
  }
  return STAGES.filter((stage) => used.has(stage));
}

type Plumbing = { stage: Stage; kind: 'post' | 'wait' };
type Item = Step | Plumbing;
const isStep = (item: Item): item is Step => item instanceof Step;

/** A track's steps in stage order, with its barriers between them. A first, empty record is where a child starts. */
function itemsOf(track: Track, stages: readonly Stage[]): Item[] {
  const byStage = stepsByStage(track);
  const items: Item[] = [];
  for (const stage of stages) {
    for (const item of byStage.get(stage) ?? []) items.push(item);
    if (posts(track, stage)) {
      items.push({ stage, kind: 'post' });
      items.push({ stage, kind: 'wait' });
    }
  }
  return items;
}

/** The barriers between the stages in which something happens, and behind the last. */
export const barriersOf = (plan: Plan<never>): Barrier[] =>
  usedStages(plan).map((stage) => ({
    stage,
    participants: plan.tracks.filter((track) => posts(track, stage)).length,
    counter: counterOffset(stage),
    go: goOffset(stage),
  }));

export function encodePlan(plan: Plan<never>): EncodedPlan {
  const barriers = barriersOf(plan);
  const stages = barriers.map(({ stage }) => stage);
  const starts = new Map<Track, number>();
  const results = new Map<Step, number>();
  const items = new Map<Track, Item[]>();
  let at = RECORDS_OFFSET;
  for (const track of plan.tracks) {
    const list = itemsOf(track, stages);
    items.set(track, list);
    starts.set(track, at);
    list.forEach((item, i) => {
      if (isStep(item)) {
        results.set(item, plan.base + at + (i + 1) * RECORD_SIZE + RECORD_RESULT_OFFSET);
      }
    });
    at += (list.length + 1) * RECORD_SIZE;
  }
  assert(
    at <= PLAN_LENGTH,
    `the plan needs more than ${PLAN_LENGTH - RECORDS_OFFSET} bytes of records`,
  );
  const known = <K, V>(map: Map<K, V>, key: K): V => {
    const value = map.get(key);
    assert(value !== undefined, 'a plan refers to a track or step that is not part of it');
    return value;
  };
  const layout: Layout = {
    startOf: (track) => plan.base + known(starts, track),
    resultOf: (step) => known(results, step),
  };
  const records = new Uint8Array(alignUp(at - RECORDS_OFFSET, RECORD_SIZE));
  const view = viewOf(records);
  for (const [track, list] of items) {
    let offset = known(starts, track) - RECORDS_OFFSET;
    encodeRecord(view, offset, { nr: getpid.nr });
    for (const item of list) {
      offset += RECORD_SIZE;
      if (isStep(item)) encodeStep(item, { view, offset, layout, memory: plan.memory });
      else encodePlumbing(plan.base, item, barriers, { view, offset });
    }
  }
  const segments = [
    { offset: CODE_OFFSET, bytes: tapeInterpreter.code },
    { offset: EPILOGUE_OFFSET, bytes: encodeEpilogue(plan.base) },
    { offset: plan.memory.base - plan.base, bytes: plan.memory.bytes },
    { offset: RECORDS_OFFSET, bytes: records },
  ];
  return {
    ...layout,
    segments,
    barriers,
    failed: failedOffset,
    epilogue: plan.base + EPILOGUE_OFFSET,
    interpreter: plan.base + CODE_OFFSET,
    records: (track) =>
      known(items, track).map((item, i) => ({
        offset: known(starts, track) + (i + 1) * RECORD_SIZE,
        step: isStep(item) ? item : undefined,
      })),
  };
}

interface Target {
  view: DataView;
  offset: number;
}

/** Writes one step as a record: symbolic arguments become indirections to where the value will be. */
export function encodeStep(
  step: Step,
  { view, offset, layout, memory }: Target & { layout: Layout; memory: Memory },
): void {
  const { call, mustEqual } = step;
  const args = typeof step.args === 'function' ? step.args(layout) : step.args;
  let flags = step.onError === 'stop' ? TAPE_ON_ERROR : 0;
  const words: Word[] = [];
  for (const name in call.params) {
    const value = args[name];
    if (value instanceof Value || value instanceof WordAt) {
      flags |= TAPE_INDIRECT_ARG(words.length);
      words.push(value instanceof Value ? layout.resultOf(value.step) : value.address);
    } else {
      words.push((call.params[name] as Param<unknown>).pass(value, memory));
    }
  }
  if (mustEqual !== undefined) flags |= TAPE_MUST_EQUAL;
  if (call.ia32) flags |= TAPE_IA32;
  encodeRecord(view, offset, {
    nr: call.nr,
    flags,
    args: words,
    result: mustEqual ?? POISON,
  });
}

function encodePlumbing(
  base: number,
  { stage, kind }: Plumbing,
  barriers: readonly Barrier[],
  { view, offset }: Target,
): void {
  const counter = base + counterOffset(stage);
  const go = base + goOffset(stage);
  if (kind === 'wait') {
    // EAGAIN says that the stage was let go already: no failure.
    encodeRecord(view, offset, { nr: futex.nr, args: [go, FUTEX_WAIT, 0, 0] });
    return;
  }
  const last = (barriers.find((barrier) => barrier.stage === stage)?.participants ?? 0) - 1;
  // The last arrival wakes woodfrog; where the count does not fit the operation's 12 bits, every arrival does.
  const fits = last <= MAX_CMP_ARGUMENT;
  encodeRecord(view, offset, {
    nr: futex.nr,
    flags: TAPE_ON_ERROR,
    args: [
      fits ? go + 8 : counter,
      FUTEX_WAKE_OP,
      fits ? 0 : 1,
      fits ? 1 : 0,
      counter,
      futexOp(FUTEX_OP_ADD, 1, FUTEX_OP_CMP_EQ, fits ? last : 0),
    ],
  });
}

/** Where a failed tape goes: it says so, and waits to be killed. */
function encodeEpilogue(base: number): Uint8Array {
  const failed = base + failedOffset;
  const bytes = new Uint8Array(3 * RECORD_SIZE);
  const view = viewOf(bytes);
  encodeRecord(view, 0, {
    nr: futex.nr,
    args: [failed, FUTEX_WAKE_OP, 1, 0, failed, futexOp(FUTEX_OP_SET, 1, FUTEX_OP_CMP_EQ, 0)],
  });
  encodeRecord(view, RECORD_SIZE, { nr: pause.nr });
  encodeRecord(view, 2 * RECORD_SIZE, { nr: exitGroup.nr, args: [1] });
  return bytes;
}

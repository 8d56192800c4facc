/**
 * What holds for any plan that may run: an ill one is our bug, and must not reach a kernel. Throws `bug`, naming track
 * and step. Only what is known before running is checked: symbolic addresses and numbers are not.
 */
import { exitGroup } from '../linux/syscalls/tasks.js';
import { MAP_FIXED, MAP_FIXED_NOREPLACE, MREMAP_FIXED } from '../linux/uapi/mman.js';
import { bug } from '../support/errors.js';
import { barriersOf } from './encode.js';
import { PLAN_LENGTH, type Plan } from './plan.js';
import { type Stage, stageIndex } from './stages.js';
import { argumentsOf, stepsInOrder, symbolicLayout } from './symbolic.js';
import { type Step, type StepArguments, type Track, Value } from './track.js';
import { verifyDescriptors } from './verify-descriptors.js';

export interface VerifyOptions {
  /** The track that woodfrog starts itself: given, all others must be born by a step. */
  first?: Track;
}

export function verifyPlan(plan: Plan<never>, { first }: VerifyOptions = {}): void {
  const where = positions(plan);
  const layout = symbolicLayout(plan);
  const births = new Map<Track, Stage>();
  const tracks = new Set(plan.tracks);
  verifyTracks(plan);
  verifyBarriers(plan);
  for (const track of tracks) {
    for (const step of track.steps) {
      verifyStage(track, step);
      const startOf = (child: Track): number => {
        if (!tracks.has(child)) throw bug(`'${child.name}' is born but not in the plan`);
        verifyBirth(births, child, step);
        return layout.startOf(child);
      };
      const resultOf = (earlier: Step): number => {
        verifyOrder(where, { user: step, earlier });
        return layout.resultOf(earlier);
      };
      const args = argumentsOf(step, { startOf, resultOf });
      verifyValues(where, step, args);
      verifyRanges(plan, { track, step, args });
    }
  }
  verifyDescriptors(plan, layout);
  if (first === undefined) return;
  for (const track of tracks) {
    if (track !== first && !births.has(track)) throw bug(`'${track.name}' is never born`);
    if (track === first && births.has(track)) throw bug(`'${track.name}' is born by a step`);
  }
}

interface Position {
  track: Track;
  index: number;
}

type Positions = ReadonlyMap<Step, Position>;

function positions(plan: Plan<never>): Positions {
  const where = new Map<Step, Position>();
  for (const track of plan.tracks) {
    stepsInOrder(track).forEach((step, index) => {
      where.set(step, { track, index });
    });
  }
  return where;
}

function verifyTracks(plan: Plan<never>): void {
  const names = new Map<number, string>();
  for (const track of plan.tracks) {
    const { vpid, name, lastStage } = track;
    if (vpid !== undefined) {
      const other = names.get(vpid);
      if (other !== undefined) throw bug(`'${other}' and '${name}' have the same pid, ${vpid}`);
      names.set(vpid, name);
    }
    // Behind a track's last record lies another track's first.
    if (lastStage !== 'commit' && stepsInOrder(track).at(-1)?.call.nr !== exitGroup.nr) {
      throw bug(`'${name}' ends with the stage '${lastStage}' but not with exit_group`);
    }
  }
}

function verifyBarriers(plan: Plan<never>): void {
  for (const { stage, participants } of barriersOf(plan)) {
    if (participants === 0) throw bug(`no track is there to finish the stage '${stage}'`);
  }
}

const inTrack = (track: Track, { call, object }: Step): string =>
  `'${track.name}': ${call.name}${object === undefined ? '' : ` (${object})`}`;

function verifyStage(track: Track, step: Step): void {
  const at = stageIndex(step.stage);
  const { firstStage, lastStage } = track;
  if (at >= stageIndex(firstStage) && at <= stageIndex(lastStage)) return;
  throw bug(
    `${inTrack(track, step)} is in the stage '${step.stage}', but the track is there from ` +
      `'${firstStage}' to '${lastStage}'`,
  );
}

/** A track begins in the stage in which it is born, once. */
function verifyBirth(births: Map<Track, Stage>, child: Track, step: Step): void {
  if (births.has(child)) throw bug(`'${child.name}' is born twice`);
  births.set(child, step.stage);
  if (child.firstStage !== step.stage) {
    throw bug(`'${child.name}' begins in '${child.firstStage}' but is born in '${step.stage}'`);
  }
}

function verifyValues(where: Positions, step: Step, args: StepArguments): void {
  for (const name in args) {
    const value = args[name];
    if (value instanceof Value) verifyOrder(where, { user: step, earlier: value.step });
  }
}

function verifyOrder(where: Positions, { user, earlier }: { user: Step; earlier: Step }): void {
  const used = where.get(user);
  const defined = where.get(earlier);
  if (used === undefined) return;
  const what = `${inTrack(used.track, user)} uses the result of ${earlier.call.name}`;
  if (defined === undefined) throw bug(`${what}, which is not in the plan`);
  if (defined.track === used.track) {
    if (defined.index >= used.index) throw bug(`${what} before it is there`);
  } else if (stageIndex(earlier.stage) >= stageIndex(user.stage)) {
    throw bug(`${what} of '${defined.track.name}', which is not of an earlier stage`);
  }
}

interface Range {
  start: number;
  length: number;
}

const ON_MEMORY = new Set(['mmap', 'munmap', 'mprotect', 'mremap']);

/** The address ranges that a step replaces, takes away or changes. */
function changedRanges({ call }: Step, args: StepArguments): Range[] {
  const range = (start: unknown, length: unknown): Range[] =>
    isWord(start) && isWord(length) ? [{ start: Number(start), length: Number(length) }] : [];
  const has = (flag: number): boolean =>
    isWord(args.flags) && Math.floor(Number(args.flags) / flag) % 2 === 1;
  switch (call.name) {
    case 'mmap':
      return has(MAP_FIXED) || has(MAP_FIXED_NOREPLACE) ? range(args.addr, args.length) : [];
    case 'munmap':
    case 'mprotect':
      return range(args.addr, args.length);
    case 'mremap':
      return [
        ...range(args.old_address, args.old_size),
        ...(has(MREMAP_FIXED) ? range(args.new_address, args.new_size) : []),
      ];
    default:
      return [];
  }
}

const isWord = (value: unknown): boolean => typeof value === 'number' || typeof value === 'bigint';

function verifyRanges(
  { base }: Plan<never>,
  { track, step, args }: { track: Track; step: Step; args: StepArguments },
): void {
  if (!ON_MEMORY.has(step.call.name)) return;
  for (const { start, length } of changedRanges(step, args)) {
    if (start >= base + PLAN_LENGTH || start + length <= base) continue;
    const end = start + length;
    throw bug(
      `${inTrack(track, step)} changes 0x${start.toString(16)}-0x${end.toString(16)}, ` +
        'where the plan itself lies',
    );
  }
}

/** Reading a plan without laying it out: steps in the order they run, arguments with stand-ins for addresses. */
import { type Plan, RECORDS_OFFSET } from './plan.js';
import { type Stage, stageIndex } from './stages.js';
import type { Layout, Step, StepArguments, Track } from './track.js';

/** A track's steps in the order they run: by stage, and as they were added within one. */
export const stepsInOrder = (track: Track): Step[] =>
  [...track.steps].sort((a, b) => stageIndex(a.stage) - stageIndex(b.stage));

export const stepsIn = (track: Track, stage: Stage): Step[] =>
  track.steps.filter((step) => step.stage === stage);

export interface SymbolicLayout extends Layout {
  /** What a stand-in stands for. */
  meaningOf(address: number): { start: Track } | { result: Step } | undefined;
}

/** Stand-ins lie in the plan's records, as the addresses will, a page apart. */
export function symbolicLayout({ base }: Plan<never>): SymbolicLayout {
  const addresses = new Map<Track | Step, number>();
  const meanings = new Map<number, { start: Track } | { result: Step }>();
  const standIn = (key: Track | Step, meaning: { start: Track } | { result: Step }): number => {
    const known = addresses.get(key);
    if (known !== undefined) return known;
    const address = base + RECORDS_OFFSET + (addresses.size + 1) * 0x1000;
    addresses.set(key, address);
    meanings.set(address, meaning);
    return address;
  };
  return {
    startOf: (track) => standIn(track, { start: track }),
    resultOf: (step) => standIn(step, { result: step }),
    meaningOf: (address) => meanings.get(address),
  };
}

export const argumentsOf = ({ args }: Step, layout: Layout): StepArguments =>
  typeof args === 'function' ? args(layout) : args;

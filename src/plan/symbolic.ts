/** Reading a plan without laying it out: steps in the order they run, arguments with stand-ins for addresses. */
import { type Plan, RECORDS_OFFSET } from './plan.js';
import { STAGES, type Stage } from './stages.js';
import type { Layout, Step, StepArguments, Track } from './track.js';

/** A track's steps in the order they run: by stage, and as they were added within one. */
export function stepsInOrder(track: Track): Step[] {
  const byStage = stepsByStage(track);
  return STAGES.flatMap((stage) => byStage.get(stage) ?? []);
}

export const stepsIn = (track: Track, stage: Stage): Step[] =>
  track.steps.filter((step) => step.stage === stage);

/** The same, stage by stage; a stage in which nothing happens is left out. */
export function stepsByStage({ steps }: Track): Map<Stage, Step[]> {
  const byStage = new Map<Stage, Step[]>();
  for (const step of steps) {
    const list = byStage.get(step.stage);
    if (list) list.push(step);
    else byStage.set(step.stage, [step]);
  }
  return byStage;
}

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

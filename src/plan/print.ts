/**
 * A plan as text, for `restore --explain` and for tests: stage by stage, track by track, each step as strace would
 * show it. Results that other steps use are numbered where they arise.
 */
import { hex, printCall } from '../linux/syscall.js';
import type { Plan } from './plan.js';
import { STAGES, type Stage } from './stages.js';
import { argumentsOf, type SymbolicLayout, stepsIn, symbolicLayout } from './symbolic.js';
import { type Step, type Track, Value, WordAt } from './track.js';

interface Reader {
  layout: SymbolicLayout;
  /** The numbers of the results that are used. */
  numbers: Map<Step, number>;
}

export function printPlan(plan: Plan<never>): string {
  const reader: Reader = { layout: symbolicLayout(plan), numbers: new Map() };
  numberResults(plan, reader);
  const lines: string[] = [];
  for (const stage of STAGES) {
    const inStage = printStage(plan, stage, reader);
    if (inStage.length > 0) lines.push(`${stage}:`, ...inStage);
  }
  return lines.map((line) => `${line}\n`).join('');
}

/** One track alone, without names or stages. */
export function printTrack(track: Track, plan: Plan<never>): string {
  const reader: Reader = { layout: symbolicLayout(plan), numbers: new Map() };
  numberResults(plan, reader);
  const lines = STAGES.flatMap((stage) => stepsIn(track, stage));
  return lines.map((step) => `${printStep(step, reader)}\n`).join('');
}

function printStage(plan: Plan<never>, stage: Stage, reader: Reader): string[] {
  const host = plan.hostSteps.filter((step) => step.stage === stage);
  return [
    ...host.map(({ what }) => `  [woodfrog] ${what}`),
    ...plan.tracks.flatMap((track) =>
      stepsIn(track, stage).map((step) => `  [${track.name}] ${printStep(step, reader)}`),
    ),
  ];
}

/** Numbers go up in the order of printing, so a result is numbered above its uses. */
function numberResults(plan: Plan<never>, { layout, numbers }: Reader): void {
  const used = new Set<Step>();
  for (const step of plan.tracks.flatMap(({ steps }) => steps)) {
    for (const value of Object.values(argumentsOf(step, layout))) {
      if (value instanceof Value) used.add(value.step);
      const meaning = typeof value === 'number' ? layout.meaningOf(value) : undefined;
      if (meaning && 'result' in meaning) used.add(meaning.result);
    }
  }
  for (const stage of STAGES) {
    for (const step of plan.tracks.flatMap((track) => stepsIn(track, stage))) {
      if (used.has(step)) numbers.set(step, numbers.size + 1);
    }
  }
}

function printStep(step: Step, reader: Reader): string {
  const { call, mustEqual, onError, object, fd } = step;
  const args = argumentsOf(step, reader.layout);
  const shown = printCall(call, args as never, (value) => {
    if (value instanceof Value) return nameResult(value.step, reader);
    if (value instanceof WordAt) return `the word at ${hex(value.address)}`;
    return undefined;
  });
  const number = reader.numbers.get(step);
  const result = [
    mustEqual === undefined
      ? ''
      : `must be ${call.returns === 'address' ? hex(Number(mustEqual)) : mustEqual}`,
    number === undefined ? '' : `#${number}`,
    onError === 'ignore' ? 'may fail' : '',
  ].filter((part) => part !== '');
  const purpose = [object, fd === undefined ? undefined : `fd ${fd}`].filter((part) => part);
  const equals = result.length === 0 ? '' : ` = ${result.join(', ')}`;
  const comment = purpose.length === 0 ? '' : `   # ${purpose.join(', ')}`;
  return `${nameAddresses(shown, reader)}${equals}${comment}`;
}

const nameResult = (step: Step, { numbers }: Reader): string =>
  `result of ${step.call.name} #${numbers.get(step) ?? '?'}`;

/** Addresses that only the layout knows read as what lies there. */
const nameAddresses = (shown: string, reader: Reader): string =>
  shown.replace(/0x[0-9a-f]+/g, (text) => {
    const meaning = reader.layout.meaningOf(Number(text));
    if (meaning === undefined) return text;
    if ('start' in meaning) return `tape of ${meaning.start.name}`;
    return `address of ${nameResult(meaning.result, reader)}`;
  });

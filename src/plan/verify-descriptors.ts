/** The descriptor tables of a plan: no number is given twice while it is open. Throws `bug`. */
import { F_DUPFD, F_DUPFD_CLOEXEC } from '../linux/uapi/fcntl.js';
import { bug } from '../support/errors.js';
import type { Plan, TrackTask } from './plan.js';
import { STAGES } from './stages.js';
import { argumentsOf, stepsByStage } from './symbolic.js';
import type { Layout, Step, StepArguments } from './track.js';

/** Numbers given on purpose, and the step that did. */
type Table = Map<number, Step>;

/** The calls that are followed. */
const ON_TABLES = new Set(['close', 'close_range', 'dup3', 'fcntl']);

export function verifyDescriptors(plan: Plan<never>, layout: Layout): void {
  const processes = new Map<number, TrackTask[]>();
  for (const task of plan.tasks) {
    const tasks = processes.get(task.owners.files_id);
    if (tasks) tasks.push(task);
    else processes.set(task.owners.files_id, [task]);
  }
  for (const tasks of processes.values()) {
    const table: Table = new Map();
    const tracks = tasks.map(({ track }) => [track, stepsByStage(track)] as const);
    for (const stage of STAGES) {
      // Threads, and some processes, share a table; what they do within one stage has no order that could matter.
      for (const [track, steps] of tracks) {
        for (const step of steps.get(stage) ?? []) {
          if (!ON_TABLES.has(step.call.name)) continue;
          follow(table, step, { args: argumentsOf(step, layout), name: track.name });
        }
      }
    }
  }
}

function follow(
  table: Table,
  step: Step,
  { args, name }: { args: StepArguments; name: string },
): void {
  const { call } = step;
  if (call.name === 'close') table.delete(args.fd);
  else if (call.name === 'close_range') closeRange(table, args);
  const number = givenNumber(step, args);
  if (number === undefined) return;
  const earlier = table.get(number);
  if (earlier) {
    const what = `${call.name} (${step.object ?? 'no object'})`;
    throw bug(
      `'${name}': ${what} gives descriptor ${number}, which ${earlier.call.name} ` +
        `(${earlier.object ?? 'no object'}) has given already`,
    );
  }
  table.set(number, step);
}

/** With CLOSE_RANGE_CLOEXEC nothing is closed. */
function closeRange(table: Table, { first, last, flags }: StepArguments): void {
  if (Number(flags) !== 0) return;
  for (const number of [...table.keys()]) {
    if (number >= first && number <= last) table.delete(number);
  }
}

/** The number that a step must give, where it names it. */
function givenNumber({ call, mustEqual }: Step, args: StepArguments): number | undefined {
  if (call.name === 'dup3') return typeof args.newfd === 'number' ? args.newfd : undefined;
  const duplicates = args.cmd === F_DUPFD || args.cmd === F_DUPFD_CLOEXEC;
  if (call.name !== 'fcntl' || !duplicates) return undefined;
  return mustEqual === args.arg ? args.arg : undefined;
}

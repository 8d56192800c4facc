/** A kind of open file in unit tests: descriptions as a dump sees them, and the steps that bring an entry back. */

import { parseFdLink } from '../../src/linux/procfs/fd-link.js';
import { parseFdinfo } from '../../src/linux/procfs/fdinfo.js';
import { printCall } from '../../src/linux/syscall.js';
import type { DescriptionView, FileIds, FileKind } from '../../src/objects/kinds.js';
import type { FileStat } from '../../src/objects/ports.js';
import type {
  FileRebuild,
  ProcessRebuild,
  RebuildInputs,
} from '../../src/objects/rebuild-context.js';
import { Plan } from '../../src/plan/plan.js';
import { type Step, Value, WordAt } from '../../src/plan/track.js';

/** `lines` of fdinfo come after pos, flags (octal, as the kernel writes them) and mnt_id. */
export function descriptionOf(
  target: string,
  { flags = '02', lines = '', stat = {} }: { flags?: string; lines?: string; stat?: object },
): DescriptionView {
  return {
    process: { pid: 10, vpid: 10, comm: 'program' } as DescriptionView['process'],
    fd: 3,
    target,
    link: parseFdLink(target),
    fdinfo: parseFdinfo(`pos:\t0\nflags:\t${flags}\nmnt_id:\t15\n${lines}`),
    stat: stat as FileStat,
  };
}

/** The entry that `inspect` makes. */
export const entryOf = (
  kind: FileKind,
  { description, seen, ids = {} }: { description: DescriptionView; seen?: unknown; ids?: object },
): unknown => kind.inspect({ id: 7, description, seen, ids: ids as FileIds }).entry;

const layout = { startOf: () => 0, resultOf: () => 0 };
const nameOf = (value: unknown): string | undefined => {
  if (value instanceof WordAt) return 'a word';
  return value instanceof Value ? 'a result' : undefined;
};
const shown = ({ call, args, mustEqual }: Step): string => {
  const given = typeof args === 'function' ? args(layout) : args;
  const text = printCall(call, given, nameOf);
  return mustEqual === undefined ? text : `${text} = ${mustEqual}`;
};

/** The steps of `open` and `fill` by stage: 'make: write(41, <8 bytes>, 8) = 8'. */
export function stepsOf(
  kind: FileKind,
  entry: unknown,
  { context = {}, files = {} }: { context?: object; files?: object } = {},
): string[] {
  const plan = new Plan(0x1_0000_0000);
  const { track } = plan.track({ name: 'pid 10', vpid: 10, process: 10, temporaryFds: 41 });
  const build = {
    entry,
    process: { vpid: 10, comm: 'program', track } as ProcessRebuild,
    made: undefined as unknown,
    context: context as RebuildInputs,
    files: files as FileRebuild,
  };
  track.at('make');
  const { process, context: inputs, files: rebuild } = build;
  build.made = kind.make?.({ entries: [entry], process, context: inputs, files: rebuild });
  const fd = kind.open(build);
  track.at('fill');
  kind.fill?.(build, fd);
  return track.steps.map((step) => `${step.stage}: ${shown(step)}`);
}

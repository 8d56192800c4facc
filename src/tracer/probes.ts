/**
 * Probes: system calls that each thread of a frozen tree runs for us, on a tape of its own, all at once. Every tape
 * ends in a signal that only a tracer sees, then in rt_sigreturn on a frame with the thread's true state: with the
 * tracer dead, the task just goes on. Afterwards nothing of ours is left in the task. Here: the memory for it.
 */
import type { XstateLayout } from '../arch/arch.js';
import type { ProcessView, ThreadView } from '../checkpoint/views.js';
import { mmap, munmap } from '../linux/syscalls/memory.js';
import {
  MAP_ANONYMOUS,
  MAP_PRIVATE,
  PROT_EXEC,
  PROT_READ,
  PROT_WRITE,
} from '../linux/uapi/mman.js';
import { assert, defined } from '../support/assert.js';
import { CheckpointError, unsupported } from '../support/errors.js';
import type { FrozenTree } from './freeze.js';
import type { GadgetFinder } from './gadgets.js';
import {
  areaLength,
  type BuiltProbe,
  collect,
  groupByProcess,
  layTapes,
  runTapes,
  type TapeArea,
  type ThreadProbe,
} from './probe-tapes.js';
import { type RemoteCall, remoteCalls } from './remote.js';

interface Area extends TapeArea {
  gadgets: RemoteCall['gadgets'];
  length: number;
}

interface Means {
  finder: GadgetFinder;
  layout: XstateLayout;
}

/** Runs every probe; all threads at once. Whatever happens, all of them are as they were afterwards. */
export function runProbes(
  tree: FrozenTree,
  probes: readonly ThreadProbe[],
  { finder, layout }: Means,
): BuiltProbe[] {
  const byProcess = groupByProcess(probes);
  const areas = planAreas(byProcess, { finder, layout });
  try {
    mapAreas(tree, areas, layout);
    const tapes = areas.flatMap((area) =>
      layTapes(tree, area, byProcess.get(area.process) ?? [], layout),
    );
    runTapes(tree, tapes);
    const built = collect(tree, tapes);
    unmapAreas(tree, areas, layout);
    tree.refuseStopped();
    return built;
  } catch (error) {
    unmapSurely(tree, areas, layout);
    throw error;
  }
}

/** Where each process can make a call, and how much memory its threads' tapes need. */
function planAreas(
  groups: ReadonlyMap<ProcessView, ThreadProbe[]>,
  { finder, layout }: Means,
): Area[] {
  return [...groups].map(([process, probes]) => {
    const gadgets = finder.find(process.task, process.mappings);
    if (gadgets === undefined) throw noGadget(process);
    return { process, gadgets, length: areaLength(probes, layout), base: 0 };
  });
}

function mapAreas(tree: FrozenTree, areas: readonly Area[], layout: XstateLayout): void {
  const refused = new Map<Area, number>();
  const byProcess = new Map(areas.map((area) => [area.process, area]));
  const calls = areas.map(({ process, gadgets, length }) => ({
    ...caller(process),
    gadgets,
    nr: mmap.nr,
    args: [0, length, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0],
  }));
  const done = ({ process }: RemoteCall, result: number): void => {
    const area = defined(byProcess.get(process), 'an area for each process');
    if (result < 0) refused.set(area, result);
    else area.base = result;
  };
  remoteCalls(tree, calls, { layout, done });
  for (const [{ process }, result] of refused) throw noScratch(process, result);
}

function caller(process: ProcessView): { process: ProcessView; thread: ThreadView } {
  const [thread] = process.threads;
  assert(thread, 'a process to probe has a thread');
  return { process, thread };
}

const noGadget = ({ pid, comm }: ProcessView): CheckpointError =>
  unsupported('the process maps no code with a system call instruction, not even a vdso', {
    pid,
    comm,
  });

const noScratch = ({ pid, comm }: ProcessView, result: number): CheckpointError =>
  unsupported(`no scratch memory can be mapped in the process (mmap: errno ${-result})`, {
    pid,
    comm,
    remedy:
      'PR_SET_MDWE, SELinux execmem or RLIMIT_AS forbid memory that is writable and executable',
  });

function unmapAreas(tree: FrozenTree, areas: readonly Area[], layout: XstateLayout): void {
  const byProcess = new Map(areas.map((area) => [area.process, area]));
  const calls = areas
    .filter(({ base }) => base !== 0)
    .map(({ process, gadgets, base, length }) => ({
      ...caller(process),
      gadgets,
      nr: munmap.nr,
      args: [base, length],
    }));
  const done = ({ process }: RemoteCall, result: number): void => {
    const area = byProcess.get(process);
    if (area && result === 0) area.base = 0;
  };
  remoteCalls(tree, calls, { layout, done });
}

/** After a failure, one by one: a task that was killed meanwhile must not keep the others from it. */
function unmapSurely(tree: FrozenTree, areas: readonly Area[], layout: XstateLayout): void {
  // Twice: what failed may have been one call of ours.
  for (const area of [...areas, ...areas]) {
    if (area.base === 0) continue;
    try {
      unmapAreas(tree, [area], layout);
    } catch (error) {
      if (!(error instanceof CheckpointError)) throw error;
    }
  }
}

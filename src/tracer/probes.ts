/**
 * Probes: system calls that each thread of a frozen tree runs for us, on a tape of its own, all at once. Every tape
 * ends in a signal that only a tracer sees, then in rt_sigreturn on a frame with the thread's true state: with the
 * tracer dead, the task just goes on. Afterwards nothing of ours is left in the task. Here: the memory for it.
 */
import type { XstateLayout } from '../arch/arch.js';
import type { ProcessView, ThreadView } from '../checkpoint/views.js';
import { EACCES } from '../linux/errno.js';
import { NR_IA32 } from '../linux/syscall-numbers-32.js';
import { mmap, munmap } from '../linux/syscalls/memory.js';
import {
  MAP_ANONYMOUS,
  MAP_PRIVATE,
  PROT_EXEC,
  PROT_READ,
  PROT_WRITE,
} from '../linux/uapi/mman.js';
import { assert, defined } from '../support/assert.js';
import { PAGE_SIZE } from '../support/brand.js';
import { CheckpointError, unsupported } from '../support/errors.js';
import { suspendFilters, verifyCalls } from './filtered.js';
import type { FrozenTree } from './freeze.js';
import type { GadgetFinder } from './gadgets.js';
import {
  areaLength,
  collect,
  groupByProcess,
  layTapes,
  type RunProbe,
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
): RunProbe[] {
  const byProcess = groupByProcess(probes);
  suspendFilters(tree, probes);
  const areas = planAreas(tree, byProcess, { finder, layout });
  try {
    mapAreas(tree, areas, layout);
    const tapes = areas.flatMap((area) =>
      layTapes(tree, area, byProcess.get(area.process) ?? [], layout),
    );
    runTapes(tree, tapes);
    const answers = collect(tree, tapes);
    unmapAreas(tree, areas, layout);
    return answers;
  } catch (error) {
    unmapSurely(tree, areas, layout);
    throw error;
  }
}

/** Where each process can make a call, and how much memory its threads' tapes need. */
function planAreas(
  tree: FrozenTree,
  groups: ReadonlyMap<ProcessView, ThreadProbe[]>,
  { finder, layout }: Means,
): Area[] {
  return [...groups].map(([process, probes]) => {
    const gadgets = finder.find(process);
    if (gadgets === undefined) throw noGadget(process);
    const length = areaLength(probes, layout);
    const calls = [
      { nr: numbersOf(process).mmap, args: mapArguments(length, READ_WRITE + PROT_EXEC) },
      { nr: numbersOf(process).munmap, args: [0, length] },
    ];
    const { is32Bit } = process;
    verifyCalls(tree, caller(process), { calls, ip: gadgets.syscall, is32Bit });
    return { process, gadgets, length, base: 0, code: 0 };
  });
}

function mapAreas(tree: FrozenTree, areas: readonly Area[], layout: XstateLayout): void {
  const whole = areas.map((area) => ({ area, length: area.length }));
  const set = (area: Area, base: number): void => {
    area.base = base;
    area.code = base;
  };
  const refused = mapPieces(tree, whole, { prot: READ_WRITE + PROT_EXEC, layout, set });
  // EACCES: PR_SET_MDWE, SELinux's execmem. A page that is never writable may be executable.
  const apart = whole.filter(({ area }) => refused.get(area) === -EACCES);
  for (const { area } of apart) refused.delete(area);
  const setBase = (area: Area, base: number): number => (area.base = base);
  const data = mapPieces(tree, apart, { prot: READ_WRITE, layout, set: setBase });
  const code = mapPieces(
    tree,
    apart.map(({ area }) => ({ area, length: PAGE_SIZE })),
    { prot: PROT_READ + PROT_EXEC, layout, set: (area, at) => (area.code = at) },
  );
  for (const [{ process }, result] of [...refused, ...data, ...code])
    throw noScratch(process, result);
}

const READ_WRITE = PROT_READ + PROT_WRITE;

/** A mapping in each process, `length` long; the errno of those that could not be made. */
function mapPieces(
  tree: FrozenTree,
  pieces: readonly { area: Area; length: number }[],
  {
    prot,
    layout,
    set,
  }: {
    prot: number;
    layout: XstateLayout;
    set: (area: Area, address: number) => void;
  },
): Map<Area, number> {
  const refused = new Map<Area, number>();
  const byProcess = new Map(pieces.map(({ area }) => [area.process, area]));
  const calls = pieces.map(({ area: { process, gadgets }, length }) => ({
    ...caller(process),
    gadgets,
    nr: numbersOf(process).mmap,
    args: mapArguments(length, prot),
  }));
  const done = ({ process }: RemoteCall, result: number): void => {
    const area = defined(byProcess.get(process), 'an area for each process');
    if (result < 0) refused.set(area, result);
    else set(area, result);
  };
  remoteCalls(tree, calls, { layout, done });
  return refused;
}

/** mmap2 differs from mmap in the unit of its offset, of which there is none. It maps where such code reaches. */
const NUMBERS_32 = { mmap: NR_IA32.mmap2, munmap: NR_IA32.munmap };
const NUMBERS = { mmap: mmap.nr, munmap: munmap.nr };
const numbersOf = (process: ProcessView): { mmap: number; munmap: number } =>
  process.is32Bit ? NUMBERS_32 : NUMBERS;

const mapArguments = (length: number, prot: number): number[] => [
  ...[0, length, prot],
  ...[MAP_PRIVATE | MAP_ANONYMOUS, -1, 0],
];

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
    remedy: 'RLIMIT_AS, the number of mappings (vm.max_map_count) or a security module forbids it',
  });

function unmapAreas(tree: FrozenTree, areas: readonly Area[], layout: XstateLayout): void {
  const apart = areas.filter(({ code, base }) => code !== 0 && code !== base);
  unmapPieces(
    tree,
    apart.map((area) => ({ area, address: area.code, length: PAGE_SIZE })),
    { layout, done: (area) => (area.code = area.base) },
  );
  unmapPieces(
    tree,
    areas
      .filter(({ base }) => base !== 0)
      .map((area) => ({ area, address: area.base, length: area.length })),
    { layout, done: forget },
  );
}

/** The area is gone, and the code, if it lay there. */
function forget(area: Area): void {
  if (area.code === area.base) area.code = 0;
  area.base = 0;
}

function unmapPieces(
  tree: FrozenTree,
  pieces: readonly { area: Area; address: number; length: number }[],
  { layout, done }: { layout: XstateLayout; done: (area: Area) => void },
): void {
  const byProcess = new Map(pieces.map(({ area }) => [area.process, area]));
  const calls = pieces.map(({ area: { process, gadgets }, address, length }) => ({
    ...caller(process),
    gadgets,
    nr: numbersOf(process).munmap,
    args: [address, length],
  }));
  const unmapped = ({ process }: RemoteCall, result: number): void => {
    const area = byProcess.get(process);
    if (area && result === 0) done(area);
  };
  remoteCalls(tree, calls, { layout, done: unmapped });
}

/** After a failure, one by one: a task that was killed meanwhile must not keep the others from it. */
function unmapSurely(tree: FrozenTree, areas: readonly Area[], layout: XstateLayout): void {
  // Twice: what failed may have been one call of ours.
  for (const area of [...areas, ...areas]) {
    if (area.base === 0 && area.code === 0) continue;
    try {
      unmapAreas(tree, [area], layout);
    } catch (error) {
      if (!(error instanceof CheckpointError)) throw error;
    }
  }
}

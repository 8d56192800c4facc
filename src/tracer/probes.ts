/**
 * Probes: system calls that each thread of a frozen tree runs for us, on a tape of its own, all at once. Every tape
 * ends in a signal that only a tracer sees, then in rt_sigreturn on a frame with the thread's true state: with the
 * tracer dead, the task just goes on. Afterwards nothing of ours is left in the task.
 */
import {
  buildSigframe,
  encodeRecord,
  forFrame,
  RECORD_RESULT_OFFSET,
  RECORD_SIZE,
  redirect,
  sigframeSize,
  TAPE_END,
  tapeInterpreter,
  type XstateLayout,
} from '../arch/arch.js';
import type { ProcessView, ThreadView } from '../checkpoint/views.js';
import { type Piece, readPieces, writePieces } from '../host/process-memory.js';
import { attemptSiginfo, getRegisters, resume, setRegisters, setSigmask } from '../host/ptrace.js';
import { type WaitEvent, waitAny } from '../host/wait.js';
import {
  FULL_SIGSET,
  hasSignal,
  SI_TKILL,
  SIGCHLD,
  SIGCONT,
  SIGURG,
  SIGWINCH,
  siginfo_rt,
  withoutSignal,
} from '../linux/signal.js';
import { mmap, munmap } from '../linux/syscalls/memory.js';
import { rtSigreturn, tgkill } from '../linux/syscalls/tasks.js';
import {
  MAP_ANONYMOUS,
  MAP_PRIVATE,
  PROT_EXEC,
  PROT_READ,
  PROT_WRITE,
} from '../linux/uapi/mman.js';
import { encodeStep } from '../plan/encode.js';
import { PlanArea } from '../plan/memory.js';
import { Track } from '../plan/track.js';
import { assert } from '../support/assert.js';
import { PAGE_SIZE } from '../support/brand.js';
import { alignUp, toNumber, toWord, viewOf } from '../support/bytes.js';
import { type CheckpointError, unsupported } from '../support/errors.js';
import type { FrozenTree } from './freeze.js';
import type { GadgetFinder } from './gadgets.js';
import {
  goneMeanwhile,
  holdSignal,
  KEEP_ALTSTACK,
  type RemoteCall,
  remoteCalls,
  restoreThread,
} from './remote.js';

/** What a thread shall run: `build` puts the calls on the track, whose results are read through `ProbeResults`. */
export interface ThreadProbe {
  process: ProcessView;
  thread: ThreadView;
  build(track: Track): void;
}

/** Results of one thread's tape, by address. */
export interface ProbeResults {
  /** A result word or memory that a call filled; addresses are those of the track. */
  read(address: number, length: number): Uint8Array;
}

export interface BuiltProbe extends ThreadProbe {
  track: Track;
  results: ProbeResults;
  /** The address of a step's result word. */
  resultAddress(stepIndex: number): number;
}

const DATA_LIMIT = 24 * 1024;
const RECORDS_LIMIT = 24 * 1024;
/** Room below the records: where a signal handler would run if the tracer died at the worst moment. */
const SLACK = 8 * 1024;

interface Area {
  process: ProcessView;
  gadgets: RemoteCall['gadgets'];
  base: number;
  length: number;
}

/** Runs every probe; all threads at once. */
export function runProbes(
  tree: FrozenTree,
  probes: readonly ThreadProbe[],
  { finder, layout }: { finder: GadgetFinder; layout: XstateLayout },
): BuiltProbe[] {
  const byProcess = groupByProcess(probes);
  const areas = mapAreas(tree, byProcess, { finder, layout });
  try {
    const tapes = areas.flatMap((area) =>
      layTapes(tree, area, byProcess.get(area.process) ?? [], layout),
    );
    for (const tape of tapes) start(tree, tape);
    waitEnds(tree, tapes);
    return collect(tree, tapes);
  } finally {
    unmapAreas(tree, areas, layout);
  }
}

function groupByProcess<T extends { process: ProcessView }>(
  all: readonly T[],
): Map<ProcessView, T[]> {
  const groups = new Map<ProcessView, T[]>();
  for (const one of all) {
    const list = groups.get(one.process);
    if (list) list.push(one);
    else groups.set(one.process, [one]);
  }
  return groups;
}

const threadLength = (xstateLength: number): number =>
  alignUp(sigframeSize(xstateLength), PAGE_SIZE) + SLACK + RECORDS_LIMIT + DATA_LIMIT;

function mapAreas(
  tree: FrozenTree,
  groups: ReadonlyMap<ProcessView, ThreadProbe[]>,
  { finder, layout }: { finder: GadgetFinder; layout: XstateLayout },
): Area[] {
  const areas = [...groups].map(([process, probes]) => {
    const gadgets = finder.find(process.task, process.mappings);
    if (gadgets === undefined) throw noGadget(process);
    const length = PAGE_SIZE + probes.length * threadLength(layout.length);
    return { process, gadgets, length, base: 0 };
  });
  const calls = areas.map(({ process, gadgets, length }) => ({
    ...caller(process),
    gadgets,
    nr: mmap.nr,
    args: [0, length, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0],
  }));
  remoteCalls(tree, calls, layout).forEach((base, i) => {
    const area = areas[i];
    assert(area, 'an area for each process');
    if (base < 0) throw noScratch(area.process, base);
    area.base = base;
  });
  return areas;
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
  const calls = areas.map(({ process, gadgets, base, length }) => ({
    ...caller(process),
    gadgets,
    nr: munmap.nr,
    args: [base, length],
  }));
  remoteCalls(tree, calls, layout);
}

interface Tape {
  process: ProcessView;
  probe: ThreadProbe;
  track: Track;
  interpreter: number;
  records: number;
  /** The address of the record that ends the tape. */
  end: number;
  data: PlanArea;
  signal: number;
}

/** Lays the code and each thread's frame, records and data into the process's area; what lies between stays zero. */
function layTapes(
  tree: FrozenTree,
  area: Area,
  probes: readonly ThreadProbe[],
  layout: XstateLayout,
): Tape[] {
  const pieces: Piece[] = [{ address: area.base, bytes: tapeInterpreter.code }];
  const tapes = probes.map((probe, i) => {
    const at = area.base + PAGE_SIZE + i * threadLength(layout.length);
    const laid = layTape(probe, { at, interpreter: area.base }, layout);
    pieces.push(...laid.pieces);
    return laid.tape;
  });
  writePieces(tree.host, area.process.task, pieces);
  return tapes;
}

function layTape(
  probe: ThreadProbe,
  { at, interpreter }: { at: number; interpreter: number },
  layout: XstateLayout,
): { tape: Tape; pieces: Piece[] } {
  const { process, thread } = probe;
  const frame = buildSigframe({
    address: at,
    regs: forFrame(thread.regs),
    xstate: thread.xstate,
    layout,
    sigmask: thread.sigmask,
    altstack: KEEP_ALTSTACK,
  });
  const frameLength = alignUp(sigframeSize(layout.length), PAGE_SIZE);
  const records = at + frameLength + SLACK;
  const data = new PlanArea(records + RECORDS_LIMIT, DATA_LIMIT);
  const track = new Track({ name: `pid ${process.pid}`, memory: data });
  probe.build(track);
  const signal = endSignal(process, thread);
  track.call(tgkill, { tgid: process.vpid, tid: thread.vtid, sig: signal }, { onError: 'ignore' });
  const count = track.steps.length + 1;
  assert(count * RECORD_SIZE <= RECORDS_LIMIT, `a probe tape of ${count} records is too long`);
  const recordBytes = new Uint8Array(count * RECORD_SIZE);
  const view = viewOf(recordBytes);
  const resultOf = (index: number): number => records + index * RECORD_SIZE + RECORD_RESULT_OFFSET;
  track.steps.forEach((step, i) => {
    const symbols = {
      startOf: () => records,
      resultOf: (other: unknown) => resultOf(track.steps.indexOf(other as (typeof track.steps)[0])),
    };
    encodeStep(step, { view, offset: i * RECORD_SIZE, layout: symbols, memory: data });
  });
  encodeRecord(view, (count - 1) * RECORD_SIZE, {
    nr: rtSigreturn.nr,
    flags: TAPE_END,
    args: [frame.ucontextAddress],
  });
  const pieces = [
    { address: at, bytes: frame.bytes },
    { address: records, bytes: recordBytes },
    { address: data.base, bytes: data.bytes },
  ];
  const end = records + (count - 2) * RECORD_SIZE;
  return { tape: { process, probe, track, interpreter, records, end, data, signal }, pieces };
}

/** A signal that the task ignores by default and does not catch: seen by us, lost on it if we are dead. */
function endSignal({ pid, comm, status }: ProcessView, thread: ThreadView): number {
  const pending = status.ShdPnd | thread.status.SigPnd;
  const found = [SIGURG, SIGWINCH, SIGCHLD, SIGCONT].find(
    (signal) => !hasSignal(status.SigCgt, signal) && !hasSignal(pending, signal),
  );
  if (found !== undefined) return found;
  throw unsupported(
    'the process catches SIGURG, SIGWINCH, SIGCHLD and SIGCONT, or has them pending',
    {
      pid,
      comm,
      remedy: 'one of these signals must have its default action during the checkpoint',
    },
  );
}

/**
 * Registers first, then the mask: a tracer that dies in between leaves a tape whose end restores both. At the end the
 * mask comes first: if a handler ran then, it would run on the slack below the records, and return.
 */
function start(tree: FrozenTree, { probe, interpreter, records, signal }: Tape): void {
  const { host } = tree;
  const { tid, regs } = probe.thread;
  setRegisters(
    host,
    tid,
    redirect(regs, {
      ip: toWord(interpreter),
      sp: toWord(records),
      r15: toWord(records),
    }),
  );
  setSigmask(host, tid, withoutSignal(FULL_SIGSET, signal));
  resume(host, tid);
}

function waitEnds(tree: FrozenTree, tapes: readonly Tape[]): void {
  const running = new Map(tapes.map((tape) => [tape.probe.thread.tid as number, tape]));
  while (running.size > 0) {
    const event = waitAny(tree.host, tree.interrupts, () => 'probes to end');
    const tape = running.get(event.tid);
    if (tape === undefined) continue;
    if (event.kind !== 'stopped') throw goneMeanwhile(tape.probe);
    if (hasEnded(tree, tape, event)) {
      restoreThread(tree, tape.probe.thread);
      running.delete(event.tid);
    } else {
      holdSignal(tree, event);
      resume(tree.host, event.tid);
    }
  }
}

/** The signal at the end of the tape is the task's own, sent by the last record: nobody else's looks the same. */
function hasEnded(tree: FrozenTree, tape: Tape, event: WaitEvent): boolean {
  if (event.kind !== 'stopped' || event.event !== 0 || event.signal !== tape.signal) return false;
  const info = attemptSiginfo(tree.host, event.tid);
  if (typeof info === 'number') return false;
  const { si_code, si_pid } = siginfo_rt.decode(info);
  if (si_code !== SI_TKILL || si_pid !== tape.probe.process.vpid) return false;
  return toNumber(getRegisters(tree.host, event.tid).sp) === tape.end;
}

/** Reads back what the calls left: the records and the data of each thread. */
function collect(tree: FrozenTree, tapes: readonly Tape[]): BuiltProbe[] {
  const built: BuiltProbe[] = [];
  for (const [process, own] of groupByProcess(tapes)) {
    const places = own.flatMap(({ records, end, data }) => [
      { address: records, length: end + RECORD_SIZE - records },
      { address: data.base, length: data.length },
    ]);
    const pieces = readPieces(tree.host, process.task, places);
    own.forEach(({ probe, track, records, data }, i) => {
      const [recordBytes, dataBytes] = [pieces[2 * i], pieces[2 * i + 1]];
      assert(recordBytes && dataBytes, 'two pieces are read of each tape');
      built.push({
        ...probe,
        track,
        results: {
          read: (at, count) =>
            at < data.base
              ? recordBytes.subarray(at - records, at - records + count)
              : dataBytes.subarray(at - data.base, at - data.base + count),
        },
        resultAddress: (index) => records + index * RECORD_SIZE + RECORD_RESULT_OFFSET,
      });
    });
  }
  return built;
}

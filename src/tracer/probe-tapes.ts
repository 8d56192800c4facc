/**
 * The tapes of probes: laid into each process's scratch memory, started, awaited and read. See probes.ts.
 * A tape has ended when its thread stops for a signal right behind the call that sends it: every record before it has
 * run then, whoever else may have sent the same signal.
 */
import {
  buildSigframe,
  forFrame,
  type Registers,
  redirectNative,
  sigframeSize,
  tapeInterpreter,
  type XstateLayout,
} from '../arch/arch.js';
import type { ProcessView, ThreadView } from '../checkpoint/views.js';
import { type Piece, readPieces, writePieces, writeProtected } from '../host/process-memory.js';
import { attemptSiginfo, getRegisters, resume, setRegisters, setSigmask } from '../host/ptrace.js';
import { waitAny } from '../host/wait.js';
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
import { tgkill } from '../linux/syscalls/tasks.js';
import { defined } from '../support/assert.js';
import { PAGE_SIZE } from '../support/brand.js';
import { alignUp, toNumber, toWord } from '../support/bytes.js';
import { unsupported } from '../support/errors.js';
import { Away } from './away.js';
import { verifyTape } from './filtered.js';
import { type FrozenTree, signalOf } from './freeze.js';
import type { ProbeProgram } from './probe-program.js';
import { goneMeanwhile, KEEP_ALTSTACK } from './remote.js';

/** What a thread shall run. */
export interface ThreadProbe {
  process: ProcessView;
  thread: ThreadView;
  program: ProbeProgram;
}

export interface RunProbe extends ThreadProbe {
  /** As the calls left it: for `resultOf` and `dataOf` of the program. */
  tape: Uint8Array;
}

/** The scratch memory of a process: a page for the interpreter, then each thread's frame, records and data. */
export interface TapeArea {
  process: ProcessView;
  /** 0: not mapped. */
  base: number;
  /** Where the interpreter lies: at the base, or in a page of its own. 0: not mapped. */
  code: number;
}

/** Room below the records: where a signal handler would run if the tracer died at the worst moment. */
const SLACK = 8 * 1024;

/** Frame, slack, records and data. */
const threadLength = ({ program }: ThreadProbe, { length }: XstateLayout): number =>
  alignUp(alignUp(sigframeSize(length), PAGE_SIZE) + SLACK + program.length, PAGE_SIZE);

export const areaLength = (probes: readonly ThreadProbe[], layout: XstateLayout): number =>
  probes.reduce((sum, probe) => sum + threadLength(probe, layout), PAGE_SIZE);

export interface Tape {
  process: ProcessView;
  probe: ThreadProbe;
  interpreter: number;
  records: number;
  /** The address of the record that ends the tape. */
  end: number;
  signal: number;
}

export function groupByProcess<T extends { process: ProcessView }>(
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

/** Lays the code and each thread's frame, records and data into the process's area; what lies between stays zero. */
export function layTapes(
  tree: FrozenTree,
  area: TapeArea,
  probes: readonly ThreadProbe[],
  layout: XstateLayout,
): Tape[] {
  const interpreter = { address: area.code, bytes: tapeInterpreter.code };
  const pieces: Piece[] = [];
  if (area.code === area.base) pieces.push(interpreter);
  else writeProtected(tree.host, area.process.task, interpreter);
  let at = area.base + PAGE_SIZE;
  const tapes = probes.map((probe) => {
    const laid = layTape(tree, probe, { at, interpreter: area.code, layout });
    pieces.push(...laid.pieces);
    at += threadLength(probe, layout);
    return laid.tape;
  });
  writePieces(tree.host, area.process.task, pieces);
  return tapes;
}

function layTape(
  tree: FrozenTree,
  probe: ThreadProbe,
  { at, interpreter, layout }: { at: number; interpreter: number; layout: XstateLayout },
): { tape: Tape; pieces: Piece[] } {
  const { process, thread, program } = probe;
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
  const signal = endSignal(process, thread);
  const bytes = program.tapeFor({
    records,
    tgid: process.vpid,
    tid: thread.vtid,
    signal,
    ucontext: frame.ucontextAddress,
  });
  verifyTape(tree, probe, { interpreter, tape: bytes, callCount: program.callCount });
  const pieces = [
    { address: at, bytes: frame.bytes },
    { address: records, bytes },
  ];
  const end = records + program.endOffset;
  return { tape: { process, probe, interpreter, records, end, signal }, pieces };
}

/**
 * A signal that the task ignores by default and does not catch: seen by us, lost on it if we are dead. One that it does
 * not block is better: if somebody else sends that meanwhile, it would have been lost on it anyway.
 */
function endSignal({ pid, comm, status, stopSignal }: ProcessView, thread: ThreadView): number {
  const pending = status.ShdPnd | thread.status.SigPnd;
  const free = END_SIGNALS.filter(
    (signal) =>
      !hasSignal(status.SigCgt, signal) &&
      !hasSignal(pending, signal) &&
      (signal !== SIGCONT || stopSignal === undefined),
  );
  const isBest = (signal: number): boolean =>
    signal !== SIGCONT && !hasSignal(thread.sigmask, signal);
  const found = free.find(isBest) ?? free[0];
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

/** SIGCONT last: sending it makes a process go on that somebody has stopped. */
const END_SIGNALS = [SIGURG, SIGWINCH, SIGCHLD, SIGCONT];

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
    redirectNative(regs, {
      ip: toWord(interpreter),
      sp: toWord(records),
      r15: toWord(records),
    }),
  );
  setSigmask(host, tid, withoutSignal(FULL_SIGSET, signal));
  resume(host, tid);
}

export function runTapes(tree: FrozenTree, tapes: readonly Tape[]): void {
  const away = new Away(tree);
  const foreign: Tape[] = [];
  try {
    for (const tape of tapes) {
      const { interpreter } = tape;
      away.add(tape.probe.thread, ({ ip }) => {
        const at = toNumber(ip);
        return at >= interpreter && at < interpreter + PAGE_SIZE;
      });
      start(tree, tape);
    }
    waitEnds(tree, tapes, { away, foreign });
  } catch (error) {
    away.bringBack();
    throw error;
  } finally {
    for (const { probe, signal } of foreign) {
      // ESRCH: the thread has ended, and the signal with it.
      tree.host.attempt(tgkill, { tgid: probe.process.pid, tid: probe.thread.tid, sig: signal });
    }
  }
}

function waitEnds(
  tree: FrozenTree,
  tapes: readonly Tape[],
  { away, foreign }: { away: Away; foreign: Tape[] },
): void {
  const byThread = new Map(tapes.map((tape) => [tape.probe.thread.tid as number, tape]));
  while (away.size > 0) {
    const event = waitAny(tree.host, tree.interrupts, () => 'probes to end');
    const { tid } = event;
    const tape = byThread.get(tid);
    if (event.kind !== 'stopped') {
      tree.noteEnd(tid);
      if (away.end(tid) && tape) throw goneMeanwhile(tape.probe.thread);
    } else if (!away.has(tid) || !tape) {
      away.noteStop(event);
    } else if (event.event === 0 && event.signal === tape.signal) {
      const hasEnded = isAtEnd(tape, getRegisters(tree.host, tid));
      if (isForeign(tree, tape, hasEnded)) foreign.push(tape);
      if (hasEnded) away.restore(tid);
      else resume(tree.host, tid);
    } else {
      away.noteStop(event);
      resume(tree.host, tid, signalOf(event));
    }
  }
}

const SYSCALL_LENGTH = 2;
const afterCall = defined(tapeInterpreter.labels.call, 'the interpreter calls') + SYSCALL_LENGTH;

/** Right behind the call that sent the signal. */
const isAtEnd = ({ interpreter, end }: Tape, { ip, sp }: Registers): boolean =>
  toNumber(sp) === end && toNumber(ip) === interpreter + afterCall;

/**
 * Whether somebody else sent the tape's signal to a task that blocks it: it is sent again when the mask is back. One that
 * does not block it would have ignored it. Two at once are one, as always with such signals.
 */
function isForeign(tree: FrozenTree, { probe, signal }: Tape, hasEnded: boolean): boolean {
  const { process, thread } = probe;
  if (!hasSignal(thread.sigmask, signal)) return false;
  const info = attemptSiginfo(tree.host, thread.tid);
  if (typeof info === 'number') return false;
  const { si_code, si_pid } = siginfo_rt.decode(info);
  return !hasEnded || si_code !== SI_TKILL || si_pid !== process.vpid;
}

/** Reads back what the calls left: the records and the data of each thread. */
export function collect(tree: FrozenTree, tapes: readonly Tape[]): RunProbe[] {
  return [...groupByProcess(tapes)].flatMap(([process, own]) => {
    const places = own.map(({ records, probe }) => ({
      address: records,
      length: probe.program.length,
    }));
    const pieces = readPieces(tree.host, process.task, places);
    return own.map(({ probe }, i) => ({
      ...probe,
      tape: defined(pieces[i], 'a piece is read of each tape'),
    }));
  });
}

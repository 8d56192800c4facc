/**
 * Calls that belong together: what is taken out must be put back. They run on a tape in a process of its own, which
 * shares our memory and not our fate: it comes to the end of its tape also when we are killed in the middle.
 */
import { encodeRecord, RECORD_RESULT_OFFSET, RECORD_SIZE } from '../arch/arch.js';
import { type Host, syscallError } from '../host/host.js';
import type { Stubs } from '../host/stubs.js';
import { waitEnd } from '../host/wait.js';
import type { Place } from '../linux/syscall.js';
import { mmap, munmap } from '../linux/syscalls/memory.js';
import { exitGroup } from '../linux/syscalls/tasks.js';
import { MAP_ANONYMOUS, MAP_PRIVATE, PROT_READ, PROT_WRITE } from '../linux/uapi/mman.js';
import { CLONE_VM, clone_args } from '../linux/uapi/sched.js';
import { encodeStep } from '../plan/encode.js';
import { PlanArea } from '../plan/memory.js';
import type { SureTape } from '../plan/sure-tape.js';
import { Track, type Value } from '../plan/track.js';
import { assert } from '../support/assert.js';
import { type Pid, pid } from '../support/brand.js';
import { toNumber, toSigned, viewOf } from '../support/bytes.js';

const RECORDS_LENGTH = 1024 * 1024;
const DATA_LENGTH = 1024 * 1024;

export interface SureOptions {
  stubs: Stubs;
  /** Called when a signal comes meanwhile; what it throws is thrown when all is done. */
  interrupted: () => void;
}

/** Runs the calls that `build` adds; a failing one does not keep the next from running. Then `read` may be called. */
export function runSurely<T>(
  host: Host,
  { stubs, interrupted }: SureOptions,
  build: (tape: SureTape) => () => T,
): T {
  const length = RECORDS_LENGTH + DATA_LENGTH;
  const base = host.call(mmap, {
    ...{ addr: 0, length, prot: PROT_READ | PROT_WRITE, fd: -1, offset: 0 },
    flags: MAP_PRIVATE | MAP_ANONYMOUS,
  });
  const memory = host.ffi.view(base, length);
  const data = new PlanArea(base + RECORDS_LENGTH, DATA_LENGTH);
  const track = new Track({ name: 'deputy', memory: data });
  const read = build(new Tape(track, { base, memory }));
  encode(track, { base, memory, data });
  const child = start(host, stubs, { base, count: track.steps.length });
  waitAnyway(host, child, interrupted);
  const result = read();
  host.attempt(munmap, { addr: base, length });
  return result;
}

/** What it does must be done before anybody else goes on, also when we are told to stop meanwhile. It takes no second. */
function waitAnyway(host: Host, child: Pid, interrupted: () => void): void {
  const errors: unknown[] = [];
  const noting = (act: () => unknown): void => {
    try {
      act();
    } catch (error) {
      errors.push(error);
    }
  };
  const wait = (): unknown => waitEnd(host, child, () => noting(interrupted));
  noting(wait);
  if (errors.length === 0) return;
  // If it was the wait that failed, it has not ended; else there is no such child any more.
  noting(wait);
  throw errors[0];
}

class Tape implements SureTape {
  readonly #track: Track;
  readonly #area: { base: number; memory: Uint8Array };

  constructor(track: Track, area: { base: number; memory: Uint8Array }) {
    this.#track = track;
    this.#area = area;
  }

  call: SureTape['call'] = (call, args) => this.#track.call(call, args, { onError: 'ignore' });

  reserve(length: number): Place & { read(): Uint8Array } {
    const { address } = this.#track.memory.reserve(length, 16);
    const at = address - this.#area.base;
    return { address, length, read: () => this.#area.memory.slice(at, at + length) };
  }

  resultOf(value: Value): number {
    const at = this.#track.steps.indexOf(value.step) * RECORD_SIZE + RECORD_RESULT_OFFSET;
    return toNumber(toSigned(viewOf(this.#area.memory).getBigUint64(at, true)));
  }
}

function encode(
  { steps }: Track,
  { base, memory, data }: { base: number; memory: Uint8Array; data: PlanArea },
): void {
  assert((steps.length + 2) * RECORD_SIZE <= RECORDS_LENGTH, 'a tape is too long');
  const view = viewOf(memory);
  const layout = {
    startOf: () => base,
    resultOf: (step: (typeof steps)[number]) =>
      base + steps.indexOf(step) * RECORD_SIZE + RECORD_RESULT_OFFSET,
  };
  steps.forEach((step, i) => {
    encodeStep(step, { view, offset: i * RECORD_SIZE, layout, memory: data });
  });
  const end = { nr: exitGroup.nr, flags: 0, args: [0] };
  encodeRecord(view, steps.length * RECORD_SIZE, end);
  encodeRecord(view, (steps.length + 1) * RECORD_SIZE, end);
  memory.set(data.bytes, RECORDS_LENGTH);
}

function start(host: Host, stubs: Stubs, { base, count }: { base: number; count: number }) {
  using scope = host.scope();
  // No exit signal: nobody but us is told of its end.
  const args = clone_args.encode({
    flags: BigInt(CLONE_VM),
    // It begins at the end of what is called the stack: at the first record.
    stack: base - RECORD_SIZE,
    stack_size: RECORD_SIZE,
  });
  const epilogue = base + (count + 1) * RECORD_SIZE;
  const result = stubs.cloneTape([scope.store(args), args.length, epilogue]);
  if (result < 0) throw syscallError('clone3', -result, 'clone3 of a deputy');
  return pid(result);
}

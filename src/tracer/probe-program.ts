/**
 * The calls of a probe, encoded once for all threads that run the same: a thread gets a copy in which the addresses of
 * its data are moved to where its own tape lies. In the program itself they count from PROGRAM_BASE.
 */
import {
  encodeRecord,
  RECORD_RESULT_OFFSET,
  RECORD_SIZE,
  recordArgOffset,
  TAPE_END,
} from '../arch/arch.js';
import { FULL_SIGSET, SIG_SETMASK, withoutSignal } from '../linux/signal.js';
import { rtSigprocmask, rtSigreturn, tgkill } from '../linux/syscalls/tasks.js';
import { encodeStep } from '../plan/encode.js';
import { PlanArea } from '../plan/memory.js';
import { Track } from '../plan/track.js';
import { assert } from '../support/assert.js';
import { alignUp, concat, getU64, setU64, viewOf } from '../support/bytes.js';
import { bug } from '../support/errors.js';

const PROGRAM_BASE = 0x5eed_0000_0000;
/** A second place, to tell addresses from numbers by: they differ by what the places do. */
const OTHER_BASE = 0x1dea_1000_0000;
const DATA_MAX = 16 * 1024 * 1024;
const DATA_ALIGN = 64;
const WORD = 8;
const SIGSET_SIZE = 8;
/** Behind the calls: the mask in which the signal is not blocked, the signal that ends the tape, and the way back. */
const CLOSING_RECORDS = 3;
/** The last word of that call's record is no argument of it: the mask lies there. */
const MASK_OFFSET = recordArgOffset(5);

/** One thread's end of the tape. */
export interface TapeEnd {
  /** The address of the first record, a multiple of 64. */
  records: number;
  tgid: number;
  tid: number;
  signal: number;
  /** The ucontext of the frame to return to. */
  ucontext: number;
}

export class ProbeProgram {
  /** Bytes of a tape: records, then data. */
  readonly length: number;
  /** Bytes from the first record to the one that sends the signal. */
  readonly endOffset: number;
  readonly #dataOffset: number;
  /** With zeros for the closing records. */
  readonly #bytes: Uint8Array;
  /** Where in the bytes there are addresses of data. */
  readonly #addresses: readonly number[];

  /** `build` puts the calls on a track. It is called twice, must do the same both times, and the last one counts. */
  constructor(build: (track: Track) => void) {
    const other = encodeAt(OTHER_BASE, build);
    const one = encodeAt(PROGRAM_BASE, build);
    const callsLength = one.records.length;
    this.endOffset = callsLength + RECORD_SIZE;
    this.#dataOffset = alignUp(callsLength + CLOSING_RECORDS * RECORD_SIZE, DATA_ALIGN);
    const joined = ({ records, data }: Encoded): Uint8Array =>
      concat([records, new Uint8Array(this.#dataOffset - records.length), data]);
    this.#bytes = joined(one);
    this.length = this.#bytes.length;
    this.#addresses = differences(this.#bytes, joined(other));
  }

  /** The tape of one thread. */
  tapeFor({ records, tgid, tid, signal, ucontext }: TapeEnd): Uint8Array {
    const bytes = this.#bytes.slice();
    const view = viewOf(bytes);
    const by = records + this.#dataOffset - PROGRAM_BASE;
    for (const at of this.#addresses) setU64(view, at, getU64(view, at) + by);
    this.#encodeMask(view, records, signal);
    encodeRecord(view, this.endOffset, { nr: tgkill.nr, args: [tgid, tid, signal] });
    const last = { nr: rtSigreturn.nr, flags: TAPE_END, args: [ucontext] };
    encodeRecord(view, this.endOffset + RECORD_SIZE, last);
    return bytes;
  }

  /**
   * Who runs the tape has set this mask before. Should he die when the tape has been started, and the mask has not: a
   * thread that blocks the signal would keep it for ever.
   */
  #encodeMask(view: DataView, records: number, signal: number): void {
    const offset = this.endOffset - RECORD_SIZE;
    const mask = withoutSignal(FULL_SIGSET, signal);
    const args = [SIG_SETMASK, records + offset + MASK_OFFSET, 0, SIGSET_SIZE, 0, mask];
    encodeRecord(view, offset, { nr: rtSigprocmask.nr, args });
  }

  /** The calls of a tape, with those up to the one that sends the signal. */
  get callCount(): number {
    return this.endOffset / RECORD_SIZE + 1;
  }

  /** The result word of a call, of a tape that was read back. */
  resultOf(tape: Uint8Array, index: number): bigint {
    return viewOf(tape).getBigInt64(index * RECORD_SIZE + RECORD_RESULT_OFFSET, true);
  }

  /** Data of a tape that was read back; `address` as it was on the track. */
  dataOf(tape: Uint8Array, address: number, length: number): Uint8Array {
    const at = this.#dataOffset + address - PROGRAM_BASE;
    return tape.subarray(at, at + length);
  }
}

interface Encoded {
  records: Uint8Array;
  data: Uint8Array;
}

function encodeAt(base: number, build: (track: Track) => void): Encoded {
  const memory = new PlanArea(base, DATA_MAX);
  const track = new Track({ name: 'a probe', memory });
  build(track);
  const records = new Uint8Array(track.steps.length * RECORD_SIZE);
  const view = viewOf(records);
  track.steps.forEach((step, i) => {
    encodeStep(step, { view, offset: i * RECORD_SIZE, layout: NO_SYMBOLS, memory });
  });
  return { records, data: memory.bytes };
}

const noSymbol = (): never => {
  throw bug('a probe has a symbolic argument');
};
const NO_SYMBOLS = { startOf: noSymbol, resultOf: noSymbol };

/** The words that are addresses of data. Nothing else may differ. */
function differences(one: Uint8Array, other: Uint8Array): number[] {
  assert(one.length === other.length, 'a probe is the same each time it is built');
  const found: number[] = [];
  const [view, otherView] = [viewOf(one), viewOf(other)];
  const whole = one.length - (one.length % WORD);
  for (let at = 0; at < whole; at += WORD) {
    const [word, otherWord] = [view.getBigUint64(at, true), otherView.getBigUint64(at, true)];
    if (word === otherWord) continue;
    const isAddress = otherWord - word === BigInt(OTHER_BASE) - BigInt(PROGRAM_BASE);
    assert(isAddress, 'a probe is the same each time it is built, but for addresses of its data');
    found.push(at);
  }
  assert(
    one.subarray(whole).every((byte, i) => byte === other[whole + i]),
    'a probe is the same each time it is built',
  );
  return found;
}

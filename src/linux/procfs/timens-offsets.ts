/**
 * /proc/PID/timens_offsets: how far the clocks of the time namespace for the process's children are
 * from the host's. time_namespaces(7); Linux kernel/time/namespace.c. The file came with Linux 5.6,
 * in which clocks are numbers.
 */
import { Cursor, splitLines, unreadable } from './text.js';

const FILE = '/proc/PID/timens_offsets';

export interface ClockOffset {
  /** May be negative. */
  seconds: number;
  nanoseconds: number;
}

export interface TimensOffsets {
  monotonic: ClockOffset;
  boottime: ClockOffset;
}

// The numbers are CLOCK_MONOTONIC and CLOCK_BOOTTIME, as Linux 5.6 wrote them.
const CLOCKS = new Map<string, keyof TimensOffsets>([
  ['monotonic', 'monotonic'],
  ['1', 'monotonic'],
  ['boottime', 'boottime'],
  ['7', 'boottime'],
]);

/** undefined for a zombie, which has left its namespaces: its file is empty. */
export function parseTimensOffsets(text: string): TimensOffsets | undefined {
  if (text === '') return undefined;
  const offsets: Partial<TimensOffsets> = {};
  for (const line of splitLines(text)) {
    const cursor = new Cursor(FILE, line);
    const clock = CLOCKS.get(cursor.word());
    if (clock === undefined) throw unreadable(FILE, line);
    cursor.skipBlanks();
    const seconds = cursor.signed();
    cursor.skipBlanks();
    offsets[clock] = { seconds, nanoseconds: cursor.decimal() };
    cursor.endOfLine();
  }
  const { monotonic, boottime } = offsets;
  if (monotonic === undefined || boottime === undefined) throw unreadable(FILE, text);
  return { monotonic, boottime };
}

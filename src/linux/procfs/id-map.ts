/** /proc/PID/uid_map, gid_map and projid_map: user_namespaces(7). */
import { Cursor, splitLines } from './text.js';

export interface IdRange {
  /** First id inside the process's user namespace. */
  inside: number;
  /**
   * The id it stands for, in the parent namespace or, when the reader is elsewhere, in the
   * reader's.
   */
  outside: number;
  count: number;
}

/** [] for a namespace without a map yet. `file` ('uid_map') is for the error text. */
export function parseIdMap(text: string, file: string): IdRange[] {
  return splitLines(text).map((line) => {
    const cursor = new Cursor(`/proc/PID/${file}`, line);
    cursor.skipBlanks();
    const inside = cursor.decimal();
    cursor.skipBlanks();
    const outside = cursor.decimal();
    cursor.skipBlanks();
    const count = cursor.decimal();
    cursor.endOfLine();
    return { inside, outside, count };
  });
}

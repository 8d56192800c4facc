/**
 * /proc/PID/task/TID/children: the processes that this thread is the parent of.
 * proc_tid_children(5): exact only while all of them are stopped. Needs CONFIG_PROC_CHILDREN.
 */
import { Cursor } from './text.js';

const NEWLINE = 10;

/** In the order of their birth. */
export function parseChildren(text: string): number[] {
  const cursor = new Cursor('/proc/PID/task/TID/children', text);
  const pids: number[] = [];
  for (;;) {
    cursor.skipBlanks();
    if (cursor.done || cursor.accept(NEWLINE)) return pids;
    pids.push(cursor.decimal());
  }
}

/**
 * /proc/PID/smaps, of which only VmFlags is read: what madvise, mlock and the kernel itself have
 * set on each mapping. Linux Documentation/filesystems/proc.rst and fs/proc/task_mmu.c,
 * show_smap_vma_flags. The kernel walks every page to write this file, so it is read only when
 * needed; this side skips from record to record.
 */
import { Cursor, unreadable } from './text.js';

const FILE = '/proc/PID/smaps';
const DASH = 45;
const MARK = '\nVmFlags: ';

/** Every code that a kernel up to 6.19 writes. '??' is what it writes for a bit without a name. */
export const VM_FLAGS = {
  rd: 'readable',
  wr: 'writeable',
  ex: 'executable',
  sh: 'shared',
  mr: 'may read',
  mw: 'may write',
  me: 'may execute',
  ms: 'may share',
  gd: 'stack segment grows down',
  pf: 'pure PFN range',
  dw: 'disabled write to the mapped file (until Linux 5.15)',
  mp: 'MPX-specific mapping (until Linux 5.6)',
  lo: 'pages are locked in memory',
  io: 'memory mapped I/O area',
  sr: 'sequential read advice',
  rr: 'random read advice',
  dc: 'not copied on fork',
  de: 'not expanded on remapping',
  lf: 'pages are locked when faulted in',
  ac: 'accountable',
  nr: 'swap space is not reserved',
  ht: 'huge TLB pages',
  nl: 'non-linear mapping (until Linux 4.0)',
  sf: 'synchronous page fault',
  ar: 'architecture specific',
  wf: 'wiped on fork',
  dd: 'not in core dumps',
  sd: 'soft-dirty',
  mm: 'mixed map area',
  hg: 'huge page advice',
  nh: 'no huge page advice',
  mg: 'mergeable',
  bt: 'guarded by branch target identification (arm64)',
  mt: 'memory tags are enabled (arm64)',
  um: 'userfaultfd tracks missing pages',
  uw: 'userfaultfd tracks writes',
  ui: 'userfaultfd tracks minor faults',
  ss: 'shadow stack',
  sl: 'sealed',
  dp: 'droppable, always lazily freeable',
  gu: 'may have guard regions',
} as const;

/** A code of VM_FLAGS, or one that a newer kernel made up. */
export type VmFlags = ReadonlySet<string>;

/** The flags of each mapping by its first address. Mappings with the same flags share one set. */
export function parseVmFlags(text: string): Map<number, VmFlags> {
  const cursor = new Cursor(FILE, text);
  const byStart = new Map<number, VmFlags>();
  const bySpelling = new Map<string, VmFlags>();
  while (!cursor.done) {
    const start = cursor.hex();
    if (cursor.peek() !== DASH) cursor.fail();
    // The last line of every record since Linux 3.8; newlines in paths are escaped, so it cannot be
    // forged.
    const mark = text.indexOf(MARK, cursor.at);
    if (mark < 0) throw unreadable(FILE, cursor.restOfLine());
    cursor.at = mark + MARK.length;
    const spelling = cursor.restOfLine();
    let flags = bySpelling.get(spelling);
    if (flags === undefined) {
      flags = parseCodes(spelling);
      bySpelling.set(spelling, flags);
    }
    byStart.set(start, flags);
  }
  return byStart;
}

const KEY_MARK = '\nProtectionKey:';

/** Protection keys other than 0 by the first address of their mapping; shown where the processor has them. */
export function parseProtectionKeys(text: string): Map<number, number> {
  const byStart = new Map<number, number>();
  for (let at = text.indexOf(KEY_MARK); at >= 0; at = text.indexOf(KEY_MARK, at + 1)) {
    const cursor = new Cursor(FILE, text, at + KEY_MARK.length);
    cursor.skipBlanks();
    const key = cursor.decimal();
    if (key !== 0) byStart.set(recordStart(text, at), key);
  }
  return byStart;
}

/** The first address of the record that holds `at`: its first line is the one behind the last VmFlags. */
function recordStart(text: string, at: number): number {
  const previous = text.lastIndexOf(MARK, at);
  const newline = previous < 0 ? -1 : text.indexOf('\n', previous + 1);
  return new Cursor(FILE, text, newline + 1).hex();
}

function parseCodes(spelling: string): VmFlags {
  const codes = spelling.split(' ').filter(Boolean);
  if (codes.some((code) => code.length !== 2)) throw unreadable(FILE, `VmFlags: ${spelling}`);
  return new Set(codes);
}

/**
 * The codes that this version does not know, so that a mapping which has one can be refused by
 * name.
 */
export function unknownVmFlags(flags: VmFlags): string[] {
  return [...flags].filter((code) => !Object.hasOwn(VM_FLAGS, code));
}

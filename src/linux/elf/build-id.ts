/** The build-id of an ELF file: a PT_NOTE segment's note "GNU" of type 3. elf(5); linux/elf.h. */
import { getU64, viewOf } from '../../support/bytes.js';
import { elf64_hdr, elf64_phdr, PT_NOTE } from './headers.js';

const MAGIC = 0x464c_457f;
const ELFCLASS32 = 1;
const ELFCLASS64 = 2;
const ELFDATA2LSB = 1;
const NT_GNU_BUILD_ID = 3;
const GNU = 0x0055_4e47;
const HEADER = elf64_hdr.size;
const PROGRAM_HEADER = elf64_phdr.size;

/** How much of a file's beginning `parseBuildId` wants: linkers put the note behind the headers. */
export const BUILD_ID_HEAD_BYTES = 4096;

/** A segment: what it is, where it begins in the file, how long it is there. */
interface Segment {
  type: number;
  offset: number;
  size: number;
}

/** Of the program headers that lie in `head`; undefined: it is no ELF file of a known kind. */
function segmentsOf(head: Uint8Array): Segment[] | undefined {
  if (head.length < HEADER) return undefined;
  const view = viewOf(head);
  if (view.getUint32(0, true) !== MAGIC || view.getUint8(5) !== ELFDATA2LSB) return undefined;
  const kind = view.getUint8(4);
  if (kind === ELFCLASS32) return segments32(view);
  // A crafted offset beyond 2^53 is no file that we could map.
  if (kind !== ELFCLASS64 || view.getUint32(36, true) !== 0) return undefined;
  const segments: Segment[] = [];
  const phoff = view.getUint32(32, true);
  for (let i = 0; i < view.getUint16(56, true); i++) {
    const at = phoff + i * PROGRAM_HEADER;
    if (at + PROGRAM_HEADER > head.length) break;
    if (view.getUint32(at + 12, true) !== 0) continue;
    const size = view.getUint32(at + 32, true);
    segments.push({ type: view.getUint32(at, true), offset: getU64(view, at + 8), size });
  }
  return segments;
}

/** sizeof(Elf32_Phdr). */
const PROGRAM_HEADER_32 = 32;

function segments32(view: DataView): Segment[] {
  const segments: Segment[] = [];
  const phoff = view.getUint32(28, true);
  for (let i = 0; i < view.getUint16(44, true); i++) {
    const at = phoff + i * PROGRAM_HEADER_32;
    if (at + PROGRAM_HEADER_32 > view.byteLength) break;
    segments.push({
      type: view.getUint32(at, true),
      offset: view.getUint32(at + 4, true),
      size: view.getUint32(at + 16, true),
    });
  }
  return segments;
}

/** The build-id as little-endian words, from the beginning of an ELF file; undefined when it has none there. */
export function parseBuildId(head: Uint8Array): number[] | undefined {
  for (const { type, offset, size } of segmentsOf(head) ?? []) {
    if (type !== PT_NOTE || offset + size > head.length) continue;
    const found = inNotes(viewOf(head), offset, offset + size);
    if (found) return found;
  }
  return undefined;
}

const padded = (length: number): number => Math.ceil(length / 4) * 4;

function inNotes(view: DataView, from: number, end: number): number[] | undefined {
  for (let at = from; at + 12 <= end; ) {
    const nameSize = view.getUint32(at, true);
    const size = view.getUint32(at + 4, true);
    const type = view.getUint32(at + 8, true);
    const content = at + 12 + padded(nameSize);
    if (content + size > end) return undefined;
    if (type === NT_GNU_BUILD_ID && nameSize === 4 && view.getUint32(at + 12, true) === GNU) {
      const words: number[] = [];
      for (let word = content; word + 4 <= content + size; word += 4) {
        words.push(view.getUint32(word, true));
      }
      return words;
    }
    at = content + padded(size);
  }
  return undefined;
}

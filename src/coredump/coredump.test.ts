import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { withParent } from '../../test/support/chain.js';
import { fixtureFolder } from '../../test/support/golden.js';
import { memoryStore } from '../../test/support/memory-store.js';
import { IMAGES } from '../images/catalogue.js';
import { type ImageSet, readImageSet } from '../images/directory.js';
import {
  elf_prpsinfo,
  elf_prstatus,
  NT_FILE,
  NT_PRPSINFO,
  NT_PRSTATUS,
  NT_X86_XSTATE,
} from '../linux/elf/core-file.js';
import { concat, fromCString, getU64, viewOf } from '../support/bytes.js';
import { coreTasks, writeCore } from './coredump.js';

const PID = 11021;
const PAGE = 4096;

/** The captured checkpoint of an idle program, each of its 15 saved pages filled with its index. */
function loop(): { chain: [ReturnType<typeof withParent>]; set: ImageSet } {
  const folder = fixtureFolder('loop');
  assert.ok(existsSync(folder));
  const names = readdirSync(folder).filter(
    (name) => name.endsWith('.img') && !name.startsWith('pages'),
  );
  const store = memoryStore(
    names.map((name) => [name, Uint8Array.from(readFileSync(join(folder, name)))] as const),
  );
  const pages = Array.from({ length: 15 }, (_, i) => new Uint8Array(PAGE).fill(i + 1));
  store.files.set('pages-1.img', concat(pages));
  return { chain: [withParent(store)], set: readImageSet(store) };
}

function coreOf(set: ImageSet, chain: Parameters<typeof writeCore>[0]): Uint8Array {
  const parts: Uint8Array[] = [];
  const output = {
    write: (bytes: Uint8Array) => void parts.push(bytes.slice()),
    skip: (length: number) => void parts.push(new Uint8Array(length)),
  };
  const [task] = coreTasks(set, PID);
  assert.ok(task);
  const length = writeCore(chain, set, { task, output });
  const bytes = concat(parts);
  assert.equal(bytes.length, length);
  return bytes;
}

interface Loaded {
  type: number;
  offset: number;
  vaddr: number;
  filesz: number;
  memsz: number;
}

function programHeaders(core: Uint8Array): Loaded[] {
  const view = viewOf(core);
  return Array.from({ length: view.getUint16(56, true) }, (_, i) => {
    const at = 64 + 56 * i;
    return {
      type: view.getUint32(at, true),
      offset: getU64(view, at + 8),
      vaddr: getU64(view, at + 16),
      filesz: getU64(view, at + 32),
      memsz: getU64(view, at + 40),
    };
  });
}

function notesOf(core: Uint8Array): { type: number; content: Uint8Array }[] {
  const [note] = programHeaders(core);
  assert.ok(note?.type === 4);
  const notes = [];
  const view = viewOf(core);
  for (let at = note.offset; at < note.offset + note.filesz; ) {
    const length = view.getUint32(at + 4, true);
    const content = core.subarray(at + 20, at + 20 + length);
    // Both names, CORE and LINUX, fill eight bytes.
    notes.push({ type: view.getUint32(at + 8, true), content });
    at += 20 + Math.ceil(length / 4) * 4;
  }
  return notes;
}

test('a core file holds registers, arguments, mapped files and saved memory', () => {
  const { chain, set } = loop();
  const core = coreOf(set, chain);
  const notes = notesOf(core);
  const contentOf = (type: number) =>
    notes.find((note) => note.type === type)?.content as Uint8Array;
  const status = elf_prstatus.decode(contentOf(NT_PRSTATUS));
  const gpregs = set.require(IMAGES.CORE, PID).thread_info?.gpregs;
  assert.equal(status.pr_pid, PID);
  assert.equal(status.pr_reg[16], gpregs?.ip);
  assert.equal(status.pr_reg[19], gpregs?.sp);
  assert.equal(fromCString(elf_prpsinfo.decode(contentOf(NT_PRPSINFO)).pr_fname), 'loop');
  assert.match(
    Buffer.from(contentOf(NT_FILE)).toString('latin1'),
    /\/tmp\/golden-run\/loop\/loop\0/,
  );
  assert.ok(contentOf(NT_X86_XSTATE).length > 512);
  const segments = programHeaders(core).filter(({ type }) => type === 1);
  const byteAt = (address: number): number | undefined => {
    const found = segments.find(
      ({ vaddr, filesz }) => vaddr <= address && address < vaddr + filesz,
    );
    return found && core[found.offset + address - found.vaddr];
  };
  assert.equal(byteAt(0x401000), 1);
  assert.equal(byteAt(0x402000), undefined);
  assert.equal(byteAt(0x4a2000), 2);
  // The gap between two saved pages of anonymous memory reads as zeros.
  assert.equal(byteAt(0x4a7000), 7);
  assert.equal(byteAt(0x4a9000), 0);
  assert.equal(byteAt(0x4ab000), 8);
  const { vmas } = set.require(IMAGES.MM, PID);
  const mapped = vmas.reduce((sum, { start, end }) => sum + end - start, 0);
  const vsyscall = PAGE;
  assert.equal(
    segments.reduce((sum, { memsz }) => sum + memsz, 0),
    mapped - vsyscall,
  );
});

test('a file offset within a page, which no kernel has, makes a core file all the same', () => {
  const { chain, set } = loop();
  const [first] = set.require(IMAGES.MM, PID).vmas;
  assert.ok(first);
  first.pgoff = 4;
  assert.ok(coreOf(set, chain).length > 0);
});

test('what cannot be a core file is refused by name', () => {
  const { chain, set } = loop();
  assert.throws(() => coreTasks(set, 4), { code: 'usage', message: /no task 4/ });
  const { thread_info } = set.require(IMAGES.CORE, PID);
  assert.ok(thread_info);
  thread_info.gpregs.mode = 2;
  assert.throws(() => coreOf(set, chain), { code: 'unsupported', message: /32-bit/ });
  thread_info.gpregs.mode = 1;
  const [first] = set.require(IMAGES.MM, PID).vmas;
  assert.ok(first);
  first.end = first.start - PAGE;
  assert.throws(() => coreOf(set, chain), { code: 'image', message: /mapping 0: .* is no range/ });
});

/**
 * The format of ELF core files for x86-64, as the kernel writes them (fs/binfmt_elf.c) and debuggers read them: headers,
 * notes and their structs. elf(5), core(5); uapi/linux/elf.h, elfcore.h.
 */
import { concat, utf8, viewOf } from '../../support/bytes.js';
import { array, bytes, i32, struct, u8, u16, u32, u64 } from '../struct.js';
import {
  ELF_IDENT,
  EM_X86_64,
  ET_CORE,
  EV_CURRENT,
  elf64_hdr,
  elf64_phdr,
  elf64_shdr,
  PT_LOAD,
  PT_NOTE,
} from './headers.js';

/** More program headers than e_phnum can say are counted in the first section header. */
const PN_XNUM = 0xffff;

export const NT_PRSTATUS = 1;
export const NT_FPREGSET = 2;
export const NT_PRPSINFO = 3;
export const NT_AUXV = 6;
export const NT_FILE = 0x4649_4c45;
export const NT_X86_XSTATE = 0x202;

/** struct elf_prstatus: `pr_reg` is struct user_regs_struct. */
export const elf_prstatus = struct(
  'elf_prstatus',
  {
    si_signo: i32,
    si_code: i32,
    si_errno: i32,
    pr_cursig: u16,
    pr_sigpend: u64,
    pr_sighold: u64,
    pr_pid: u32,
    pr_ppid: u32,
    pr_pgrp: u32,
    pr_sid: u32,
    pr_utime: array(u64, 2),
    pr_stime: array(u64, 2),
    pr_cutime: array(u64, 2),
    pr_cstime: array(u64, 2),
    pr_reg: array(u64, 27),
    pr_fpvalid: i32,
  },
  { size: 336 },
);

export const elf_prpsinfo = struct(
  'elf_prpsinfo',
  {
    pr_state: u8,
    pr_sname: u8,
    pr_zomb: u8,
    pr_nice: u8,
    pr_flag: u64,
    pr_uid: u32,
    pr_gid: u32,
    pr_pid: u32,
    pr_ppid: u32,
    pr_pgrp: u32,
    pr_sid: u32,
    pr_fname: bytes(16),
    pr_psargs: bytes(80),
  },
  { size: 136 },
);

/** One note; the kernel's own are named CORE, NT_X86_XSTATE is LINUX's. */
export function encodeNote(name: 'CORE' | 'LINUX', type: number, content: Uint8Array): Uint8Array {
  const label = utf8(`${name}\0`);
  const header = new Uint8Array(12);
  const view = viewOf(header);
  view.setUint32(0, label.length, true);
  view.setUint32(4, content.length, true);
  view.setUint32(8, type, true);
  return concat([header, label, padding(label.length), content, padding(content.length)]);
}

const padding = (length: number): Uint8Array => new Uint8Array((4 - (length % 4)) % 4);

/** A mapping of a file, for NT_FILE. */
export interface MappedFile {
  readonly start: number;
  readonly end: number;
  /** In bytes. */
  readonly offset: number;
  readonly path: Uint8Array;
}

/** The content of NT_FILE: where which file is mapped. */
export function encodeFileNote(files: readonly MappedFile[], pageSize: number): Uint8Array {
  const numbers = new Uint8Array(16 + 24 * files.length);
  const view = viewOf(numbers);
  const put = (at: number, value: number) => view.setBigUint64(at, BigInt(value), true);
  put(0, files.length);
  put(8, pageSize);
  files.forEach(({ start, end, offset }, i) => {
    put(16 + 24 * i, start);
    put(24 + 24 * i, end);
    // The note counts in pages; an image may say anything.
    put(32 + 24 * i, Math.floor(offset / pageSize));
  });
  const end = new Uint8Array(1);
  return concat([numbers, ...files.flatMap(({ path }) => [path, end])]);
}

/** Consecutive memory, with or without its content in the file. */
export interface Segment {
  readonly vaddr: number;
  readonly memsz: number;
  /** 0: the debugger takes the content from the mapped file, or has none. */
  readonly filesz: number;
  /** PF_R, PF_W, PF_X. */
  readonly flags: number;
}

export interface CoreHead {
  /** Headers and notes, padded: the content of the segments follows, in their order. */
  readonly bytes: Uint8Array;
  /** The whole file's length, in bytes. */
  readonly length: number;
}

/** What comes before the memory in a core file. */
export function encodeCoreHead(
  notes: Uint8Array,
  segments: readonly Segment[],
  pageSize: number,
): CoreHead {
  const count = segments.length + 1;
  const isExtended = count >= PN_XNUM;
  const notesAt = elf64_hdr.size + count * elf64_phdr.size;
  const sectionAt = Math.ceil((notesAt + notes.length) / 8) * 8;
  const headEnd = isExtended ? sectionAt + elf64_shdr.size : notesAt + notes.length;
  const dataAt = Math.ceil(headEnd / pageSize) * pageSize;
  const head = new Uint8Array(dataAt);
  head.set(elfHeader(count, isExtended ? sectionAt : undefined));
  head.set(
    elf64_phdr.encode({ p_type: PT_NOTE, p_offset: notesAt, p_filesz: notes.length, p_align: 4 }),
    elf64_hdr.size,
  );
  let offset = dataAt;
  segments.forEach(({ vaddr, memsz, filesz, flags }, i) => {
    const header = elf64_phdr.encode({
      p_type: PT_LOAD,
      p_flags: flags,
      p_offset: offset,
      p_vaddr: vaddr,
      p_filesz: filesz,
      p_memsz: memsz,
      p_align: pageSize,
    });
    head.set(header, elf64_hdr.size + (i + 1) * elf64_phdr.size);
    offset += filesz;
  });
  head.set(notes, notesAt);
  if (isExtended) {
    head.set(elf64_shdr.encode({ sh_size: 1, sh_info: count }), sectionAt);
  }
  return { bytes: head, length: offset };
}

const elfHeader = (phnum: number, sectionAt: number | undefined): Uint8Array =>
  elf64_hdr.encode({
    e_ident: ELF_IDENT,
    e_type: ET_CORE,
    e_machine: EM_X86_64,
    e_version: EV_CURRENT,
    e_phoff: elf64_hdr.size,
    e_ehsize: elf64_hdr.size,
    e_phentsize: elf64_phdr.size,
    e_phnum: Math.min(phnum, PN_XNUM),
    ...(sectionAt !== undefined && {
      e_shoff: sectionAt,
      e_shentsize: elf64_shdr.size,
      e_shnum: 1,
    }),
  });

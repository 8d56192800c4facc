/** The headers of ELF files, of 64-bit little-endian programs. elf(5); uapi/linux/elf.h. */
import { bytes, struct, u16, u32, word } from '../struct.js';

/** ELFCLASS64, ELFDATA2LSB, EV_CURRENT. */
export const ELF_IDENT = Uint8Array.from([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
export const ET_EXEC = 2;
export const ET_CORE = 4;
export const EM_X86_64 = 62;
export const EV_CURRENT = 1;

export const PT_LOAD = 1;
export const PT_NOTE = 4;
export const PF_X = 1;
export const PF_W = 2;
export const PF_R = 4;

export const elf64_hdr = struct(
  'elf64_hdr',
  {
    e_ident: bytes(16),
    e_type: u16,
    e_machine: u16,
    e_version: u32,
    e_entry: word,
    e_phoff: word,
    e_shoff: word,
    e_flags: u32,
    e_ehsize: u16,
    e_phentsize: u16,
    e_phnum: u16,
    e_shentsize: u16,
    e_shnum: u16,
    e_shstrndx: u16,
  },
  { size: 64 },
);

export const elf64_phdr = struct(
  'elf64_phdr',
  {
    p_type: u32,
    p_flags: u32,
    p_offset: word,
    p_vaddr: word,
    p_paddr: word,
    p_filesz: word,
    p_memsz: word,
    p_align: word,
  },
  { size: 56 },
);

export const elf64_shdr = struct(
  'elf64_shdr',
  {
    sh_name: u32,
    sh_type: u32,
    sh_flags: word,
    sh_addr: word,
    sh_offset: word,
    sh_size: word,
    sh_link: u32,
    sh_info: u32,
    sh_addralign: word,
    sh_entsize: word,
  },
  { size: 64 },
);

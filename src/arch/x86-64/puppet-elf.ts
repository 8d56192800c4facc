/**
 * The puppet: the smallest static ELF64 executable, one page. It is what a restored process is before its tape has run;
 * its own page is unmapped by that tape. Until it is told to run that, it reads from its lifeline, a pipe in which nothing
 * is ever written and whose other end woodfrog alone holds: when woodfrog dies, the pipe ends, and the puppet with it.
 */

import {
  ELF_IDENT,
  EM_X86_64,
  ET_EXEC,
  EV_CURRENT,
  elf64_hdr,
  elf64_phdr,
  PF_R,
  PF_X,
  PT_LOAD,
} from '../../linux/elf/headers.js';
import { NR } from '../../linux/syscall-numbers.js';
import { assert } from '../../support/assert.js';
import { PAGE_SIZE } from '../../support/brand.js';
import { concat } from '../../support/bytes.js';
import {
  type Assembled,
  assemble,
  label,
  move,
  moveImmediate32,
  syscallInstruction,
  zero,
} from './assembler.js';

/** `lifeline`: the descriptor to read from. */
export const puppetProgram = (lifeline: number): Assembled =>
  assemble([
    moveImmediate32('eax', NR.read),
    moveImmediate32('edi', lifeline),
    move('rsi', 'rsp'),
    moveImmediate32('edx', 1),
    label('syscall'),
    syscallInstruction,
    moveImmediate32('eax', NR.exit_group),
    zero('edi'),
    syscallInstruction,
  ]);

/** Where the puppet's page lies by default: the lowest address that vm.mmap_min_addr allows everywhere. */
export const PUPPET_ADDRESS = 0x10000;

/** The address of the puppet's `syscall` instruction: calls can be made through it from any stop. */
export const puppetSyscall = (address: number = PUPPET_ADDRESS): number =>
  address + elf64_hdr.size + elf64_phdr.size + (puppetProgram(0).labels.syscall ?? 0);

/** The bytes of the executable; its one page is mapped at `address`. */
export function puppetElf(lifeline: number, address: number = PUPPET_ADDRESS): Uint8Array {
  assert(address % PAGE_SIZE === 0, `Puppet address 0x${address.toString(16)} is not a page`);
  const { code } = puppetProgram(lifeline);
  const headers = elf64_hdr.size + elf64_phdr.size;
  const length = headers + code.length;
  const header = elf64_hdr.encode({
    e_ident: ELF_IDENT,
    e_type: ET_EXEC,
    e_machine: EM_X86_64,
    e_version: EV_CURRENT,
    e_entry: address + headers,
    e_phoff: elf64_hdr.size,
    e_ehsize: elf64_hdr.size,
    e_phentsize: elf64_phdr.size,
    e_phnum: 1,
  });
  const segment = elf64_phdr.encode({
    p_type: PT_LOAD,
    p_flags: PF_R | PF_X,
    p_vaddr: address,
    p_paddr: address,
    p_filesz: length,
    p_memsz: length,
    p_align: PAGE_SIZE,
  });
  return concat([header, segment, code]);
}

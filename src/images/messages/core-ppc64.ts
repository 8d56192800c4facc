/** Registers of a thread on POWER. */
import { message, optional, repeated, required, uint32, uint64, word } from '../schema.js';

export const user_ppc64_regs_entry = message('user_ppc64_regs_entry', () => ({
  gpr: repeated(1, uint64),
  nip: required(2, uint64),
  msr: required(3, uint64),
  orig_gpr3: required(4, uint64),
  ctr: required(5, uint64),
  link: required(6, uint64),
  xer: required(7, uint64),
  ccr: required(8, uint64),
  trap: required(9, uint64),
  texasr: optional(10, uint64),
  tfhar: optional(11, uint64),
  tfiar: optional(12, uint64),
}));

export const user_ppc64_fpstate_entry = message('user_ppc64_fpstate_entry', () => ({
  fpregs: repeated(1, uint64),
}));

export const user_ppc64_vrstate_entry = message('user_ppc64_vrstate_entry', () => ({
  vrregs: repeated(1, uint64),
  vrsave: required(2, uint32),
}));

export const user_ppc64_vsxstate_entry = message('user_ppc64_vsxstate_entry', () => ({
  vsxregs: repeated(1, uint64),
}));

export const user_ppc64_tm_regs_entry = message('user_ppc64_tm_regs_entry', () => ({
  gpregs: required(1, user_ppc64_regs_entry),
  fpstate: optional(2, user_ppc64_fpstate_entry),
  vrstate: optional(3, user_ppc64_vrstate_entry),
  vsxstate: optional(4, user_ppc64_vsxstate_entry),
}));

export const thread_info_ppc64 = message('thread_info_ppc64', () => ({
  clear_tid_addr: required(1, word, { hex: true }),
  gpregs: required(2, user_ppc64_regs_entry, { hex: true }),
  fpstate: optional(3, user_ppc64_fpstate_entry),
  vrstate: optional(4, user_ppc64_vrstate_entry),
  vsxstate: optional(5, user_ppc64_vsxstate_entry),
  tmstate: optional(6, user_ppc64_tm_regs_entry),
}));

/** Registers of a thread on S/390. */
import { message, optional, repeated, required, uint32, uint64, word } from '../schema.js';

export const user_s390_regs_entry = message('user_s390_regs_entry', () => ({
  psw_mask: required(1, uint64),
  psw_addr: required(2, uint64),
  gprs: repeated(3, uint64),
  acrs: repeated(4, uint32),
  orig_gpr2: required(5, uint64),
  system_call: required(6, uint32),
}));

export const user_s390_vxrs_low_entry = message('user_s390_vxrs_low_entry', () => ({
  regs: repeated(1, uint64),
}));

export const user_s390_vxrs_high_entry = message('user_s390_vxrs_high_entry', () => ({
  regs: repeated(1, uint64),
}));

export const user_s390_fpregs_entry = message('user_s390_fpregs_entry', () => ({
  fpc: required(1, uint32),
  fprs: repeated(2, uint64),
}));

export const user_s390_gs_cb_entry = message('user_s390_gs_cb_entry', () => ({
  regs: repeated(1, uint64),
}));

export const user_s390_ri_entry = message('user_s390_ri_entry', () => ({
  ri_on: required(1, uint32),
  regs: repeated(2, uint64),
}));

export const thread_info_s390 = message('thread_info_s390', () => ({
  clear_tid_addr: required(1, word, { hex: true }),
  gpregs: required(2, user_s390_regs_entry, { hex: true }),
  fpregs: required(3, user_s390_fpregs_entry, { hex: true }),
  vxrs_low: optional(4, user_s390_vxrs_low_entry, { hex: true }),
  vxrs_high: optional(5, user_s390_vxrs_high_entry, { hex: true }),
  gs_cb: optional(6, user_s390_gs_cb_entry, { hex: true }),
  gs_bc: optional(7, user_s390_gs_cb_entry, { hex: true }),
  ri_cb: optional(8, user_s390_ri_entry, { hex: true }),
}));

/** A packet in a socket queue; `length` raw bytes follow the entry. */
import { message, repeated, required, uint32 } from '../schema.js';

export const scm_entry = message('scm_entry', () => ({
  type: required(1, uint32),
  rights: repeated(2, uint32),
}));

export const sk_packet_entry = message('sk_packet_entry', () => ({
  id_for: required(1, uint32),
  length: required(2, uint32),
  scm: repeated(4, scm_entry),
}));

/** An IPv6-in-IPv4 tunnel device. */
import { bool, message, optional, repeated, uint32 } from '../schema.js';

export const sit_entry = message('sit_entry', () => ({
  link: optional(1, uint32),
  local: repeated(2, uint32, { ip: true }),
  remote: repeated(3, uint32, { ip: true }),
  ttl: optional(4, uint32),
  tos: optional(5, uint32),
  pmtudisc: optional(6, bool),
  proto: optional(7, uint32),
  flags: optional(8, uint32),
  encap_type: optional(9, uint32),
  encap_flags: optional(10, uint32),
  encap_sport: optional(11, uint32),
  encap_dport: optional(12, uint32),
  rd_prefixlen: optional(13, uint32),
  rd_prefix: repeated(14, uint32, { ip: true }),
  relay_prefixlen: optional(15, uint32),
  relay_prefix: repeated(16, uint32, { ip: true }),
}));

/** TUN and TAP: descriptors and devices. */
import { bool, int32, message, optional, required, string, uint32 } from '../schema.js';

export const tunfile_entry = message('tunfile_entry', () => ({
  id: required(1, uint32),
  netdev: optional(2, string),
  detached: optional(3, bool),
  ns_id: optional(4, uint32),
}));

export const tun_link_entry = message('tun_link_entry', () => ({
  flags: required(1, uint32, { hex: true }),
  owner: required(2, int32),
  group: required(3, int32),
  vnethdr: required(4, uint32),
  sndbuf: required(5, uint32),
}));

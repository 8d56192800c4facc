/** A macvlan device. */
import { message, optional, required, uint32 } from '../schema.js';

export const macvlan_link_entry = message('macvlan_link_entry', () => ({
  mode: required(1, uint32),
  flags: optional(2, uint32),
}));

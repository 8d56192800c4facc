/** The id maps of a user namespace. */
import { message, repeated, required, uint32 } from '../schema.js';

export const uid_gid_extent = message('uid_gid_extent', () => ({
  first: required(1, uint32),
  lower_first: required(2, uint32),
  count: required(3, uint32),
}));

export const userns_entry = message('userns_entry', () => ({
  uid_map: repeated(1, uid_gid_extent),
  gid_map: repeated(2, uid_gid_extent),
}));

/** epoll(7): the instance and what it watches. */
import { message, optional, repeated, required, uint32, uint64 } from '../schema.js';
import { fown_entry } from './fown.js';

export const eventpoll_tfd_entry = message('eventpoll_tfd_entry', () => ({
  id: required(1, uint32),
  tfd: required(2, uint32),
  events: required(3, uint32),
  data: required(4, uint64),
  dev: optional(5, uint32),
  inode: optional(6, uint64),
  pos: optional(7, uint64),
  /** Ours, as are all from 20000 on: the id of the target, where no descriptor `tfd` of the first holder is it. */
  file_id: optional(20000, uint32),
  /** The number it was added under, where `tfd` is another one of the same file. */
  number: optional(20001, uint32),
}));

export const eventpoll_file_entry = message('eventpoll_file_entry', () => ({
  id: required(1, uint32),
  flags: required(2, uint32),
  fown: required(3, fown_entry),
  tfd: repeated(4, eventpoll_tfd_entry),
}));

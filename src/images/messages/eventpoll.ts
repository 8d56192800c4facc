/** epoll(7): the instance and what it watches. */
import { message, optional, repeated, required, uint32, uint64 } from '../schema.js';
import { fown_entry } from './fown.js';

export const eventpoll_tfd_entry = message('eventpoll_tfd_entry', {
  id: required(1, uint32),
  tfd: required(2, uint32),
  events: required(3, uint32),
  data: required(4, uint64),
  dev: optional(5, uint32),
  inode: optional(6, uint64),
  pos: optional(7, uint64),
});

export const eventpoll_file_entry = message('eventpoll_file_entry', {
  id: required(1, uint32),
  flags: required(2, uint32),
  fown: required(3, fown_entry),
  tfd: repeated(4, eventpoll_tfd_entry),
});

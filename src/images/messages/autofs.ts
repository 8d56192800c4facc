/** An autofs mount: the daemon that serves it and the pipe to it. */
import { int32, message, optional, required } from '../schema.js';

export const autofs_entry = message('autofs_entry', () => ({
  fd: required(1, int32),
  pgrp: required(2, int32),
  timeout: required(3, int32),
  minproto: required(4, int32),
  maxproto: required(5, int32),
  mode: required(6, int32),
  uid: optional(7, int32),
  gid: optional(8, int32),
  read_fd: optional(9, int32),
}));

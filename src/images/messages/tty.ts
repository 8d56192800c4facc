/** Terminals: descriptors, settings and unread input. */
import {
  bool,
  bytes,
  enumeration,
  message,
  optional,
  repeated,
  required,
  uint32,
} from '../schema.js';
import { fown_entry } from './fown.js';

export const TtyType = enumeration('TtyType', {
  UNKNOWN: 0,
  PTY: 1,
  CONSOLE: 2,
  VT: 3,
  CTTY: 4,
  EXT_TTY: 5,
  SERIAL: 6,
});

export const winsize_entry = message('winsize_entry', () => ({
  ws_row: required(1, uint32),
  ws_col: required(2, uint32),
  ws_xpixel: required(3, uint32),
  ws_ypixel: required(4, uint32),
}));

export const termios_entry = message('termios_entry', () => ({
  c_iflag: required(1, uint32),
  c_oflag: required(2, uint32),
  c_cflag: required(3, uint32),
  c_lflag: required(4, uint32),
  c_line: required(5, uint32),
  c_ispeed: required(6, uint32),
  c_ospeed: required(7, uint32),
  c_cc: repeated(8, uint32),
}));

export const tty_pty_entry = message('tty_pty_entry', () => ({
  index: required(1, uint32),
}));

export const tty_data_entry = message('tty_data_entry', () => ({
  tty_id: required(1, uint32),
  data: required(2, bytes),
}));

export const tty_info_entry = message('tty_info_entry', () => ({
  id: required(1, uint32),
  type: required(2, TtyType),
  locked: required(3, bool),
  exclusive: required(4, bool),
  packet_mode: required(5, bool),
  sid: required(6, uint32),
  pgrp: required(7, uint32),
  rdev: required(8, uint32),
  termios: optional(9, termios_entry),
  termios_locked: optional(10, termios_entry),
  winsize: optional(11, winsize_entry),
  pty: optional(12, tty_pty_entry),
  dev: optional(13, uint32),
  uid: optional(14, uint32),
  gid: optional(15, uint32),
  /** Ours, as are all from 20000 on: the output is stopped (Ctrl-S). */
  stopped: optional(20000, bool),
  /** Ours. Of a master: its slave was open once, and is not any more. */
  peer_closed: optional(20001, bool),
}));

export const tty_file_entry = message('tty_file_entry', () => ({
  id: required(1, uint32),
  tty_info_id: required(2, uint32),
  flags: required(3, uint32, { hex: true }),
  fown: required(4, fown_entry),
  regf_id: optional(6, uint32),
}));

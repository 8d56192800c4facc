/** A descriptor of a task's table, and the union of everything it may refer to. */
import { enumeration, message, optional, required, string, uint32 } from '../schema.js';
import { bpfmap_file_entry } from './bpfmap-file.js';
import { eventfd_file_entry } from './eventfd.js';
import { eventpoll_file_entry } from './eventpoll.js';
import { ext_file_entry } from './ext-file.js';
import { fifo_entry } from './fifo.js';
import { fanotify_file_entry, inotify_file_entry } from './fsnotify.js';
import { memfd_file_entry } from './memfd.js';
import { ns_file_entry } from './ns.js';
import { packet_sock_entry } from './packet-sock.js';
import { pidfd_entry } from './pidfd.js';
import { pipe_entry } from './pipe.js';
import { reg_file_entry } from './regfile.js';
import { signalfd_entry } from './signalfd.js';
import { inet_sk_entry } from './sk-inet.js';
import { netlink_sk_entry } from './sk-netlink.js';
import { unix_sk_entry } from './sk-unix.js';
import { timerfd_entry } from './timerfd.js';
import { tty_file_entry } from './tty.js';
import { tunfile_entry } from './tun.js';

export const fd_types = enumeration('fd_types', {
  UND: 0,
  REG: 1,
  PIPE: 2,
  FIFO: 3,
  INETSK: 4,
  UNIXSK: 5,
  EVENTFD: 6,
  EVENTPOLL: 7,
  INOTIFY: 8,
  SIGNALFD: 9,
  PACKETSK: 10,
  TTY: 11,
  FANOTIFY: 12,
  NETLINKSK: 13,
  NS: 14,
  TUNF: 15,
  EXT: 16,
  TIMERFD: 17,
  MEMFD: 18,
  BPFMAP: 19,
  PIDFD: 20,
  CTL_TTY: 65534,
  AUTOFS_PIPE: 65535,
});

export const fdinfo_entry = message('fdinfo_entry', () => ({
  id: required(1, uint32),
  flags: required(2, uint32),
  type: required(3, fd_types),
  fd: required(4, uint32),
  xattr_security_selinux: optional(5, string),
}));

export const file_entry = message('file_entry', () => ({
  type: required(1, fd_types),
  id: required(2, uint32),
  reg: optional(3, reg_file_entry),
  isk: optional(4, inet_sk_entry),
  nsf: optional(5, ns_file_entry),
  psk: optional(6, packet_sock_entry),
  nlsk: optional(7, netlink_sk_entry),
  efd: optional(8, eventfd_file_entry),
  epfd: optional(9, eventpoll_file_entry),
  sgfd: optional(10, signalfd_entry),
  tunf: optional(11, tunfile_entry),
  tfd: optional(12, timerfd_entry),
  ify: optional(13, inotify_file_entry),
  ffy: optional(14, fanotify_file_entry),
  ext: optional(15, ext_file_entry),
  usk: optional(16, unix_sk_entry),
  fifo: optional(17, fifo_entry),
  pipe: optional(18, pipe_entry),
  tty: optional(19, tty_file_entry),
  memfd: optional(20, memfd_file_entry),
  bpf: optional(21, bpfmap_file_entry),
  pidfd: optional(22, pidfd_entry),
}));

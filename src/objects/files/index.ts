/** The kinds of open files that are saved and restored: one line each. */
import type { FileKind } from '../kinds.js';
import { bpfMap } from './bpf-map.js';
import { epoll } from './epoll.js';
import { eventfd } from './eventfd.js';
import { fanotify } from './fanotify.js';
import { fifo } from './fifo.js';
import { inotify } from './inotify.js';
import { memfd } from './memfd.js';
import { pidfd } from './pidfd.js';
import { pipe } from './pipe.js';
import { regularFile } from './regular.js';
import { signalfd } from './signalfd.js';
import { timerfd } from './timerfd.js';
import { terminal } from './tty/index.js';

export const FILE_KINDS: readonly FileKind[] = [
  regularFile,
  pipe,
  fifo,
  eventfd,
  signalfd,
  timerfd,
  epoll,
  pidfd,
  terminal,
  inotify,
  memfd,
  bpfMap,
  fanotify,
];

/** Descriptions of terminals in a restore: taken from woodfrog, or opened anew through what was taken from it. */
import { TtyType, type tty_file_entry } from '../../../images/messages/tty.js';
import type { MessageValue } from '../../../images/schema.js';
import { AT_FDCWD } from '../../../linux/syscall.js';
import { fcntl, ioctl, openat } from '../../../linux/syscalls/files.js';
import { pidfdGetfd } from '../../../linux/syscalls/tasks.js';
import { ioctlNumber, openPeer } from '../../../linux/syscalls/terminals.js';
import {
  F_SETFL,
  O_ACCMODE,
  O_CLOEXEC,
  O_LARGEFILE,
  O_NONBLOCK,
} from '../../../linux/uapi/fcntl.js';
import { TCSETS2, TIOCEXCL, TIOCGPTPEER, termios2 } from '../../../linux/uapi/tty.js';
import type { Track } from '../../../plan/track.js';
import { defined } from '../../../support/assert.js';
import { imageError, unsupported } from '../../../support/errors.js';
import type { FileBuild, ResourceBuild } from '../../kinds.js';
import { reopenFlags } from '../open-named.js';
import type { TtyInfoEntry } from './index.js';
import type { Terminal } from './terminals.js';
import { settingsOf } from './termios.js';

type TtyFileEntry = MessageValue<typeof tty_file_entry>;

/** The maker's temporary descriptors of it. */
export interface MadeTerminal {
  terminal: Terminal;
  master: number | undefined;
  slave: number | undefined;
  isMasterTaken: boolean;
}

export function makeTerminal({
  entries,
  process: { track },
  context,
}: ResourceBuild<TtyFileEntry>): MadeTerminal {
  const terminal = context.terminals.of((entries[0] as TtyFileEntry).tty_info_id);
  const object = `terminal ${terminal.key}`;
  const take = (targetfd: number | undefined): number | undefined =>
    targetfd === undefined
      ? undefined
      : track.newFd(pidfdGetfd, { pidfd: context.controlFd, targetfd, flags: 0 }, { object });
  const { fds, kind } = terminal;
  return {
    terminal,
    // A master that shall go is woodfrog's alone.
    master: take(kind === 'hung up' ? undefined : fds.master),
    slave: take(fds.slave),
    isMasterTaken: false,
  };
}

export function openTerminal(build: FileBuild<TtyFileEntry, MadeTerminal>): number {
  const { entry, made } = build;
  const { terminal } = made;
  if (terminal.kind === 'device') return openDevice(build);
  if (terminal.kind === 'current') return openCurrent(build);
  return entry.tty_info_id === terminal.master?.id ? takeMaster(build) : openSlave(build);
}

function takeMaster({ entry, made, process: { track } }: FileBuild<TtyFileEntry, MadeTerminal>) {
  const object = `terminal ${made.terminal.key}`;
  const fd = defined(made.master, 'a pair has a master');
  // Opening a master makes another pty: there can be but one description.
  if (made.isMasterTaken) throw imageError(`${object} has two masters`, { object: 'files.img' });
  made.isMasterTaken = true;
  const settable = entry.flags & ~(O_ACCMODE | O_CLOEXEC);
  track.call(fcntl, { fd, cmd: F_SETFL, arg: settable }, { object });
  return fd;
}

function openSlave({ entry, made, process: { track } }: FileBuild<TtyFileEntry, MadeTerminal>) {
  const { terminal, master, slave } = made;
  const object = `terminal ${terminal.key}`;
  const flags = reopenFlags(entry.flags, undefined);
  // open(2) sets O_LARGEFILE by itself; who makes a pty by forkpty(3) has slaves without it.
  if (master !== undefined && (entry.flags & O_LARGEFILE) === 0) {
    // O_CLOEXEC would remain among the flags of the description.
    const peer = { fd: master, request: TIOCGPTPEER, flags: flags & ~O_CLOEXEC };
    return track.newFd(openPeer, peer, { object });
  }
  const pathname = `/proc/self/fd/${slave}`;
  return track.newFd(openat, { dirfd: AT_FDCWD, pathname, flags, mode: 0 }, { object });
}

/** Without O_NONBLOCK, opening a serial line waits for its carrier. */
function openDevice(build: FileBuild<TtyFileEntry, MadeTerminal>): number {
  const { entry, made, process, files } = build;
  if (entry.regf_id === undefined) {
    throw imageError(`terminal ${entry.id} has no file`, { object: 'files.img' });
  }
  const reg = files.named(entry.regf_id);
  const { track } = process;
  const fd = files.open(process, reg, entry.flags | O_NONBLOCK);
  if ((entry.flags & O_NONBLOCK) === 0) {
    const settable = entry.flags & ~(O_ACCMODE | O_CLOEXEC);
    track.call(fcntl, { fd, cmd: F_SETFL, arg: settable }, { object: `terminal '${reg.name}'` });
  }
  if (made.terminal.slave) setDevice(track, fd, made.terminal.slave);
  return fd;
}

/** A console or line keeps what it is set to; but on another host, or when somebody has set it meanwhile. */
function setDevice(track: Track, fd: number, { type, termios, exclusive }: TtyInfoEntry): void {
  // The modes of the system console are those of whoever works at the device behind it.
  if (type === TtyType.CONSOLE) return;
  const object = 'terminal';
  if (termios) {
    const argp = termios2.encode(settingsOf(termios));
    track.call(ioctl, { fd, request: TCSETS2, argp }, { object });
  }
  if (exclusive) track.call(ioctlNumber, { fd, request: TIOCEXCL, arg: 0 }, { object });
}

/** /dev/tty leads to the terminal of whoever opens it. */
function openCurrent({ entry, made, process }: FileBuild<TtyFileEntry, MadeTerminal>): number {
  const { sid } = made.terminal.slave ?? { sid: 0 };
  if (sid !== process.pstree.sid) {
    throw unsupported(
      `/dev/tty of session ${sid} is held by pid ${process.vpid}, of session ${process.pstree.sid}`,
      { object: 'terminal' },
    );
  }
  const flags = reopenFlags(entry.flags, undefined);
  const args = { dirfd: AT_FDCWD, pathname: '/dev/tty', flags, mode: 0 };
  return process.track.newFd(openat, args, { object: "terminal '/dev/tty'" });
}

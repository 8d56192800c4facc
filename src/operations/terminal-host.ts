/** Terminals that a restore opens in woodfrog's own table, until it ends: ptys by their number, and its own one. */
import { type Host, syscallError } from '../host/host.js';
import { EACCES } from '../linux/errno.js';
import { decodeDev, decodeTtyNr, encodeDev } from '../linux/procfs/devices.js';
import { parseStat, type Stat } from '../linux/procfs/stat.js';
import { AT_FDCWD } from '../linux/syscall.js';
import { close, fcntl, ioctl, openat } from '../linux/syscalls/files.js';
import { openPeer } from '../linux/syscalls/terminals.js';
import {
  F_DUPFD_CLOEXEC,
  O_ACCMODE,
  O_CLOEXEC,
  O_NOCTTY,
  O_NONBLOCK,
  O_RDWR,
} from '../linux/uapi/fcntl.js';
import { TIOCGPTN, TIOCGPTPEER, TIOCSPTLCK } from '../linux/uapi/tty.js';
import { askInt, type WindowSize } from '../objects/files/tty/requests.js';
import { setSize } from '../objects/files/tty/settings.js';
import type { OwnTerminal, TerminalHost } from '../objects/files/tty/terminals.js';
import { toNumber, u32Bytes } from '../support/bytes.js';
import { refused } from '../support/errors.js';
import type { Session } from './session.js';

const PTMX = '/dev/ptmx';

export class OwnTerminals implements TerminalHost, Disposable {
  readonly #host: Host;
  readonly #port: Session['port'];
  readonly #fds = new Set<number>();
  #own: { terminal: OwnTerminal | undefined } | undefined;

  constructor({ host, port }: Session) {
    this.#host = host;
    this.#port = port;
  }

  makePair(
    index: number,
    { flags, size, hasSlave }: { flags: number; size?: WindowSize; hasSlave: boolean },
  ): { master: number; slave?: number } {
    const master = this.#masterOf(index, flags & O_ACCMODE);
    this.#host.call(ioctl, { fd: master, request: TIOCSPTLCK, argp: u32Bytes(0) });
    if (size) setSize(this.#port, master, size);
    if (!hasSlave) return { master };
    const peer = O_RDWR | O_NOCTTY | O_CLOEXEC;
    const slave = this.#host.call(openPeer, { fd: master, request: TIOCGPTPEER, flags: peer });
    this.#fds.add(slave);
    return { master, slave };
  }

  /** The kernel gives the lowest free number: those below are taken meanwhile. */
  #masterOf(index: number, access: number): number {
    const below: number[] = [];
    try {
      for (;;) {
        const fd = this.#openMaster(index, access);
        const number = askInt(this.#port, fd, TIOCGPTN) ?? -1;
        if (number === index) {
          this.#fds.add(fd);
          return fd;
        }
        below.push(fd);
        if (number > index || number < 0) throw taken(index);
      }
    } finally {
      for (const fd of below) this.#host.attempt(close, { fd });
    }
  }

  #openMaster(index: number, access: number): number {
    const flags = access | O_NOCTTY | O_CLOEXEC;
    const fd = this.#host.attempt(openat, { dirfd: AT_FDCWD, pathname: PTMX, flags, mode: 0 });
    if (fd >= 0) return fd;

    throw syscallError('openat', -fd, `open of '${PTMX}' for pty ${index}`);
  }

  drop(fd: number): void {
    if (this.#fds.delete(fd)) this.#host.call(close, { fd });
  }

  get own(): OwnTerminal | undefined {
    this.#own ??= { terminal: this.#findOwn() };
    return this.#own.terminal;
  }

  #findOwn(): OwnTerminal | undefined {
    const stat = parseStat(this.#port.readText('/proc/self/stat'));
    const device = decodeTtyNr(stat.tty_nr);
    if (device === undefined) return undefined;
    const fd = this.#open(encodeDev(device));
    this.#fds.add(fd);
    return { fd, ...placeOf(stat) };
  }

  /** By a descriptor that we have of it, or by its name: an open /dev/tty would show as that in every task. */
  #open(device: number): number {
    const flags = O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC;
    const standard = [0, 1, 2].find((fd) => {
      const found = this.#port.attemptStat(`/proc/self/fd/${fd}`);
      return typeof found === 'object' && toNumber(found.rdev) === device;
    });
    const pathname = standard === undefined ? nameOf(device) : `/proc/self/fd/${standard}`;
    const fd = this.#host.attempt(openat, { dirfd: AT_FDCWD, pathname, flags, mode: 0 });
    // After su(1) or sudo(8) it belongs to somebody else, and is open all the same.
    if (fd === -EACCES && standard !== undefined) {
      return this.#host.call(fcntl, { fd: standard, cmd: F_DUPFD_CLOEXEC, arg: 0 });
    }
    if (fd < 0) throw syscallError('openat', -fd, `open of our terminal, '${pathname}'`);
    return fd;
  }

  [Symbol.dispose](): void {
    for (const fd of this.#fds) this.#host.attempt(close, { fd });
    this.#fds.clear();
  }
}

const FIRST_SLAVE_MAJOR = 136;

function nameOf(device: number): string {
  const { major, minor } = decodeDev(device);
  return major === FIRST_SLAVE_MAJOR ? `/dev/pts/${minor}` : '/dev/tty';
}

const placeOf = ({ pid, session, pgrp, tpgid }: Stat): Omit<OwnTerminal, 'fd'> => ({
  session,
  group: pgrp,
  isLeader: session === pid,
  isInFront: tpgid === pgrp,
});

const taken = (index: number) =>
  refused(`the terminal /dev/pts/${index} is somebody else's now, and programs know its name`, {
    object: 'terminal',
    remedy: `close the window that has it: ls -l /proc/*/fd | grep pts/${index}`,
  });

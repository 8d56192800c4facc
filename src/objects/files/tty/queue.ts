/**
 * What is written to one side of a pty and not yet read from the other. There is no way to look at it: it is read and
 * put back, in calls that run to their end even if we are killed. Between modes, input that is not yet a whole line
 * can be read, too. Restoring uses the same modes, so that nothing is echoed, edited or taken for a signal.
 */
import { EINTR, errnoName } from '../../../linux/errno.js';
import {
  fcntl,
  ioctl,
  lseek,
  memfdCreate,
  poll,
  pread64,
  read,
  sendfile,
  write,
} from '../../../linux/syscalls/files.js';
import { ioctlNumber, openPeer } from '../../../linux/syscalls/terminals.js';
import {
  F_GETFL,
  F_SETFL,
  O_NOCTTY,
  O_NONBLOCK,
  O_RDWR,
  SEEK_CUR,
  SEEK_SET,
} from '../../../linux/uapi/fcntl.js';
import { MFD_CLOEXEC } from '../../../linux/uapi/mman.js';
import { FIONREAD, POLLHUP, POLLIN, POLLOUT, POLLPRI, pollfd } from '../../../linux/uapi/poll.js';
import {
  EXTPROC,
  ICANON,
  IUTF8,
  IXON,
  NCCS,
  OPOST,
  TCOOFF,
  TCOON,
  TCSETS2,
  TCXONC,
  TIOCGPTPEER,
  TIOCPKT,
  TIOCSLCKTRMIOS,
  TIOCSTI,
  termios,
  termios2,
  VEOF,
  VEOL,
  VEOL2,
  VMIN,
  VSTOP,
} from '../../../linux/uapi/tty.js';
import type { SureTape } from '../../../plan/sure-tape.js';
import type { Value } from '../../../plan/track.js';
import { assert } from '../../../support/assert.js';
import { u32Bytes } from '../../../support/bytes.js';
import { refused, unsupported } from '../../../support/errors.js';
import type { DumpPort, KernelPort } from '../../ports.js';
import type { SideSeen } from './observe.js';
import { type LockedSettings, mustAskInt, type Settings } from './requests.js';

export interface QueuesSeen {
  /** To be read from the slave, lines that are not complete among it. */
  input: Uint8Array;
  /** To be read from the master. */
  output: Uint8Array;
  /** The output is stopped, by Ctrl-S or tcflow(3). */
  isStopped: boolean;
  /** No slave is open any more. */
  isPeerClosed: boolean;
}

/** What a queue can hold: N_TTY's 4095 bytes, and behind it buffers of 8 KiB and a little. */
const READ_BYTES = 4096;
const READS = 8;
const N_TTY_BYTES = 4095;
/**
 * In pieces that waste nothing of the kernel's buffers: drivers/tty/tty_buffer.c counts their sizes, up to 8 KiB, and lets
 * each hold twice as much; one large piece may exceed that. Before, the line discipline gets what it holds.
 */
const SMALL = 256;
const LARGE = 3584;
const FIRST_PIECES = Array<number>(16).fill(SMALL);
const FURTHER_PIECES = [...Array<number>(60).fill(SMALL), ...Array<number>(4).fill(LARGE)];
/** Below this, a queue that takes nothing is not full: the output is stopped. */
const SURELY_NOT_FULL = 3000;

/** One byte in canonical input that ends a line without being a part of it: Ctrl-D, as the kernel keeps it. */
export const END_OF_FILE = 0;

/** Every character as it is; nothing is echoed. Lines end as they did. */
export function quietly({ c_cflag, c_iflag, c_lflag, c_cc, ...rest }: Settings): Settings {
  const characters = new Uint8Array(NCCS);
  for (const index of [VEOL, VEOL2]) characters[index] = c_cc[index] ?? 0;
  characters[VMIN] = 1;
  return {
    ...rest,
    c_cflag,
    c_iflag: c_iflag & IUTF8,
    c_oflag: rest.c_oflag & ~OPOST,
    c_lflag: c_lflag & ICANON,
    c_cc: characters,
  };
}

/** As `quietly`; reading takes what is there, and does not wait. */
const raw = (settings: Settings): Settings => ({
  ...quietly(settings),
  c_lflag: 0,
  c_cc: new Uint8Array(NCCS),
});

interface Pair {
  master: number;
  /** undefined: none is open in the tree. */
  slave: number | undefined;
  settings: Settings;
  side: SideSeen;
  /** Whole lines wait to be read. */
  hasLines?: boolean;
  /** A side may hold more than its line discipline does. */
  isFull?: boolean;
}

/** `master` and `slave` are descriptors of ours, of the tasks' descriptions. */
export function observeQueues(port: DumpPort, pair: Pair): QueuesSeen {
  const { master, slave, settings } = pair;
  // Polling also brings in what the kernel still has on its way.
  const events = pollOf(port, master);
  const outputBytes = mustAskInt(port, master, FIONREAD);
  const isPeerClosed = (events & POLLHUP) !== 0;
  const nothing = { input: new Uint8Array(0), output: new Uint8Array(0), isStopped: false };
  if ((events & POLLPRI) !== 0) {
    throw unsupported('a change of its slave waits to be read (packet mode)', {
      remedy: 'read from the master, and try again',
    });
  }
  if ((settings.c_lflag & EXTPROC) !== 0)
    throw unsupported('its lines are edited elsewhere (EXTPROC)');
  const isFull = outputBytes > SURELY_NOT_FULL;
  if (slave === undefined) {
    if (outputBytes === 0) return { ...nothing, isPeerClosed };
    if (!isPeerClosed) throw unsupported('its slave was never opened, and it holds an echo');
    return { ...exchange(port, { ...pair, isFull }, false), isPeerClosed };
  }
  const slaveEvents = pollOf(port, slave);
  const inputBytes = mustAskInt(port, slave, FIONREAD);
  const isCanonical = (settings.c_lflag & ICANON) !== 0;
  if (isCanonical && (slaveEvents & POLLIN) !== 0 && inputBytes === 0) {
    throw unsupported('an end of file (Ctrl-D) waits to be read from it', {
      remedy: 'try again when it has been read',
    });
  }
  const isStopped = (slaveEvents & POLLOUT) === 0 && outputBytes < SURELY_NOT_FULL;
  if (!isCanonical && inputBytes === 0 && outputBytes === 0) {
    return { ...nothing, isStopped, isPeerClosed: false };
  }
  const more = {
    hasLines: isCanonical && inputBytes > 0,
    isFull: isFull || inputBytes > SURELY_NOT_FULL,
  };
  return { ...exchange(port, { ...pair, ...more }, isStopped), isPeerClosed: false };
}

function pollOf(port: KernelPort, fd: number): number {
  using scope = port.scope();
  const fds = scope.alloc(pollfd.size);
  fds.bytes.set(pollfd.encode({ fd, events: POLLIN | POLLOUT | POLLPRI }));
  // EINTR: a signal for us came meanwhile.
  while (port.attempt(poll, { fds, nfds: 1, timeout: 0 }) < 0);
  return pollfd.decode(fds.bytes).revents;
}

/** How long the kernel may take to bring in what is put back, in whole lines, on a loaded machine. */
const SETTLE_MS = 100;
/** The same of what a line discipline holds, before more can be written behind it: no reader wakes the writer. */
const FULL_SETTLE_MS = 30;

/** Reads both queues, and puts them back. */
function exchange(
  port: DumpPort,
  pair: Pair,
  isStopped: boolean,
): Omit<QueuesSeen, 'isPeerClosed'> {
  const { master, settings, side, isFull } = pair;
  const slave = ownSlave(port, pair);
  const flags = [master, slave].map((fd) => port.call(fcntl, { fd, cmd: F_GETFL, arg: 0 }));
  const [masterFlags = 0, slaveFlags = 0] = flags;
  const files = [0, 1].map(() => {
    const file = port.call(memfdCreate, { name: 'woodfrog-terminal', flags: MFD_CLOEXEC });
    port.adopt(file);
    return file;
  });
  const [inFile = -1, outFile = -1] = files;
  const lengths = port.surely((tape) => {
    const setFlags = (fd: number, arg: number) => tape.call(fcntl, { fd, cmd: F_SETFL, arg });
    const set = (to: Settings) =>
      tape.call(ioctl, { fd: master, request: TCSETS2, argp: termios2.encode(to) });
    const lock = (to: LockedSettings) =>
      tape.call(ioctl, { fd: master, request: TIOCSLCKTRMIOS, argp: termios.encode(to) });
    const pack = (on: number) =>
      tape.call(ioctl, { fd: master, request: TIOCPKT, argp: u32Bytes(on) });
    const wait = (fd: number, timeout: number) =>
      tape.call(poll, { fds: pollfd.encode({ fd, events: POLLIN }), nfds: 1, timeout });
    if (side.locked) lock(UNLOCKED);
    if (side.isPacket) pack(0);
    setFlags(master, masterFlags | O_NONBLOCK);
    set(raw(settings));
    if (isStopped) tape.call(ioctlNumber, { fd: slave, request: TCXONC, arg: TCOON });
    const input = drain(tape, slave, inFile);
    const output = drain(tape, master, outFile);
    setFlags(slave, slaveFlags | O_NONBLOCK);
    set(quietly(settings));
    const settle = isFull ? () => wait(-1, FULL_SETTLE_MS) : undefined;
    input.putBack(master, settle);
    // While no whole line is there, polling brings in all that was written; after one it does not.
    wait(slave, 0);
    if (pair.hasLines) wait(-1, SETTLE_MS);
    output.putBack(slave, settle);
    set(settings);
    if (isStopped) stopOutput(tape, { master, slave, settings });
    setFlags(master, masterFlags);
    setFlags(slave, slaveFlags);
    if (side.isPacket) pack(1);
    if (side.locked) lock(side.locked);
    return () => ({ input: input.length(), output: output.length() });
  });
  const input = contentOf(port, inFile, lengths.input);
  const output = contentOf(port, outFile, lengths.output);
  for (const fd of slave === pair.slave ? files : [...files, slave]) port.drop(fd);
  return { input, output, isStopped };
}

function contentOf(port: DumpPort, fd: number, length: number): Uint8Array {
  using scope = port.scope();
  const buf = scope.alloc(Math.max(length, 1));
  const count = port.call(pread64, { fd, buf, count: length, offset: 0 });
  assert(count === length, `${count} bytes of a terminal were kept, not ${length}`);
  return buf.bytes.slice(0, length);
}

const UNLOCKED: LockedSettings = {
  ...{ c_iflag: 0, c_oflag: 0, c_cflag: 0, c_lflag: 0, c_line: 0 },
  c_cc: new Uint8Array(NCCS),
};

/** A description for reading and writing; a locked pty opens none, and the tree's own must do. */
function ownSlave(port: DumpPort, { master, slave, side }: Pair): number {
  if (side.isLocked && slave !== undefined) return slave;
  const flags = O_RDWR | O_NOCTTY;
  const fd = port.call(openPeer, { fd: master, request: TIOCGPTPEER, flags });
  port.adopt(fd);
  return fd;
}

/** Reads all there is into a file of ours, and writes it again in other pieces: those that the kernel has room for. */
function drain(tape: SureTape, fd: number, file: number) {
  const lengths = Array.from({ length: READS }, () => {
    const buf = tape.reserve(READ_BYTES);
    const count = tape.call(read, { fd, buf, count: READ_BYTES });
    // A read that failed gives no length that can be written.
    tape.call(write, { fd: file, buf, count });
    return count;
  });
  let position: Value | undefined;
  return {
    /** sendfile(2) goes on where it could not write any more. */
    putBack(other: number, settle: (() => void) | undefined): void {
      const send = (count: number) =>
        tape.call(sendfile, { out_fd: other, in_fd: file, offset: 0, count });
      tape.call(lseek, { fd: file, offset: 0, whence: SEEK_SET });
      for (const size of FIRST_PIECES) send(size);
      settle?.();
      if (settle) for (const size of FURTHER_PIECES) send(size);
      position = tape.call(lseek, { fd: file, offset: 0, whence: SEEK_CUR });
    },
    length: (): number => {
      const all = lengths.map((count) => Math.max(tape.resultOf(count), 0));
      assert(all.at(-1) === 0, 'a terminal holds more than the kernel lets it');
      const sum = all.reduce((before, one) => before + one, 0);
      const back = position && tape.resultOf(position);
      assert(back === sum, `of ${sum} bytes of a terminal ${back} were put back`);
      return sum;
    },
  };
}

/** By Ctrl-S, if that is what stops it, so that Ctrl-Q starts it again. */
export function stopOutput(
  tape: Pick<SureTape, 'call'> | Pick<KernelPort, 'call'>,
  { master, slave, settings }: { master: number; slave: number; settings: Settings },
  put = (fd: number, buf: Uint8Array): unknown => tape.call(write, { fd, buf, count: buf.length }),
): void {
  const character = settings.c_cc[VSTOP] ?? 0;
  if ((settings.c_iflag & IXON) !== 0 && character !== 0) {
    put(master, Uint8Array.of(character));
  } else {
    tape.call(ioctlNumber, { fd: slave, request: TCXONC, arg: TCOOFF });
  }
}

/** Puts saved queues into a new pair, which gets its settings afterwards. */
export function refillQueues(
  port: KernelPort,
  { master, slave, settings }: { master: number; slave: number; settings: Settings },
  { input, output }: { input: Uint8Array; output: Uint8Array },
): void {
  const quiet = quietly(settings);
  const set = (to: Settings) =>
    port.call(ioctl, { fd: master, request: TCSETS2, argp: termios2.encode(to) });
  set(quiet);
  const isCanonical = (settings.c_lflag & ICANON) !== 0;
  for (const byte of input.subarray(0, N_TTY_BYTES)) {
    const isEnd = isCanonical && byte === END_OF_FILE;
    if (isEnd) set(endingBy(quiet, CTRL_D));
    port.call(ioctl, { fd: slave, request: TIOCSTI, argp: Uint8Array.of(isEnd ? CTRL_D : byte) });
    if (isEnd) set(quiet);
  }
  writePieces(port, { fd: master, other: slave }, input.subarray(N_TTY_BYTES), FURTHER_PIECES);
  writePieces(port, { fd: slave, other: master }, output, [...FIRST_PIECES, ...FURTHER_PIECES]);
}

/** In the sizes for which there is room; the first fill the line discipline of the other side. */
function writePieces(
  port: KernelPort,
  { fd, other }: { fd: number; other: number },
  bytes: Uint8Array,
  sizes: readonly number[],
): void {
  if (bytes.length === 0) return;
  const flags = port.call(fcntl, { fd, cmd: F_GETFL, arg: 0 });
  port.call(fcntl, { fd, cmd: F_SETFL, arg: flags | O_NONBLOCK });
  let done = 0;
  for (const size of sizes) {
    const buf = bytes.subarray(done, done + size);
    if (buf.length === 0) break;
    writeAll(port, fd, buf);
    done += buf.length;
    if (done === FIRST_PIECES.length * SMALL) awaitQueued(port, other, N_TTY_BYTES);
  }
  assert(done === bytes.length, `a terminal cannot hold ${bytes.length} bytes`);
  port.call(fcntl, { fd, cmd: F_SETFL, arg: flags });
}

export function writeAll(port: KernelPort, fd: number, bytes: Uint8Array): void {
  for (let done = 0; done < bytes.length; ) {
    const buf = bytes.subarray(done);
    const count = port.attempt(write, { fd, buf, count: buf.length });
    // A signal for us came meanwhile.
    if (count === -EINTR) continue;
    if (count < 0) throw refused(`write to a terminal: ${errnoName(-count)}`);
    done += count;
  }
}

/** The kernel moves what is written to a pty a little later. */
function awaitQueued(port: KernelPort, fd: number, length: number): void {
  for (let tries = 0; tries < 5000; tries++) {
    if (mustAskInt(port, fd, FIONREAD) >= length) return;
    const nobody = pollfd.encode({ fd: -1 });
    port.attempt(poll, { fds: nobody, nfds: 1, timeout: 1 });
  }
  throw refused(`the ${length} bytes written to a terminal do not arrive`);
}

const CTRL_D = 4;

function endingBy(settings: Settings, character: number): Settings {
  const c_cc = settings.c_cc.slice();
  c_cc[VEOF] = character;
  return { ...settings, c_cc };
}

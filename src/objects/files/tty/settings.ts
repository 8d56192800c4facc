/** What a terminal is set to, brought back by woodfrog itself: at once for those that are made anew, last for its own. */
import type { StructValue } from '../../../linux/struct.js';
import { ioctl } from '../../../linux/syscalls/files.js';
import { ioctlNumber } from '../../../linux/syscalls/terminals.js';
import {
  TCSETS2,
  TIOCEXCL,
  TIOCPKT,
  TIOCSLCKTRMIOS,
  TIOCSPTLCK,
  TIOCSWINSZ,
  termios,
  termios2,
  winsize,
} from '../../../linux/uapi/tty.js';
import { u32Bytes } from '../../../support/bytes.js';
import type { KernelPort } from '../../ports.js';
import type { RebuildInputs } from '../../rebuild-context.js';
import type { TtyInfoEntry } from './index.js';
import { refillQueues, stopOutput, writeAll } from './queue.js';
import { askSettings, type Settings } from './requests.js';
import { isJobInFront, withoutTtou } from './sessions.js';
import { sessionOf, type Terminal } from './terminals.js';
import { settingsOf } from './termios.js';

/** Host steps; after those that open the descriptions: an exclusive or locked terminal lets nobody in. */
export function rebuildSettings(inputs: RebuildInputs): void {
  const { plan, terminals } = inputs;
  for (const terminal of terminals.all) {
    const { kind, fds, key, master, slave } = terminal;
    const info = slave ?? master;
    if (info === undefined || kind === 'current' || kind === 'device') continue;
    const what = `settings of terminal ${key}`;
    if (kind === 'pair') {
      plan.host({ stage: 'fill', what, run: (port) => setPair(port, terminal) });
    } else if (kind === 'hung up') {
      const { master: fd } = fds;
      plan.host({ stage: 'fill', what: `hanging up ${key}`, run: () => terminals.hangUp(fd) });
    } else if (kind === 'handed in' || isUsed(inputs, terminal)) {
      setBorrowed(inputs, terminal, info);
    }
  }
}

/** The modes are those of whom is in the foreground: of a job in the background they were its shell's. */
function isUsed(inputs: RebuildInputs, terminal: Terminal): boolean {
  const { sid } = sessionOf(terminal);
  const isSession = inputs.processes.some(({ vpid }) => vpid === sid);
  return isJobInFront(inputs, terminal) || (isSession && inputs.terminals.own?.isInFront === true);
}

function setPair(port: KernelPort, { fds, master, slave, input, output }: Terminal): void {
  const fd = fds.master as number;
  const info = (slave ?? master) as TtyInfoEntry;
  const settings = info.termios && settingsOf(info.termios);
  if (settings) {
    const pair = { master: fd, slave: fds.slave ?? -1, settings };
    if (input.length + output.length > 0) refillQueues(port, pair, { input, output });
    set(port, fd, settings);
    if (slave?.stopped) stopOutput(port, pair, (fd, bytes) => writeAll(port, fd, bytes));
  }
  if (info.termios_locked) {
    const { c_cc, ...flags } = settingsOf(info.termios_locked);
    const argp = termios.encode({ ...flags, c_cc });
    port.call(ioctl, { fd, request: TIOCSLCKTRMIOS, argp });
  }
  if (slave?.exclusive) {
    port.call(ioctlNumber, { fd: fds.slave as number, request: TIOCEXCL, arg: 0 });
  }
  if (master?.exclusive) port.call(ioctlNumber, { fd, request: TIOCEXCL, arg: 0 });
  if (master?.packet_mode) port.call(ioctl, { fd, request: TIOCPKT, argp: u32Bytes(1) });
  if (master?.locked) port.call(ioctl, { fd, request: TIOCSPTLCK, argp: u32Bytes(1) });
}

const set = (port: KernelPort, fd: number, settings: Settings): void => {
  port.call(ioctl, { fd, request: TCSETS2, argp: termios2.encode(settings) });
};

/** The size of a new pair: before anybody is in its foreground, who would be told of it. */
export function setSize(
  port: KernelPort,
  fd: number,
  size: Partial<StructValue<typeof winsize>>,
): void {
  port.call(ioctl, { fd, request: TIOCSWINSZ, argp: winsize.encode(size) });
}

/** Of a terminal of somebody else the modes alone: its size is that of its window. */
function setBorrowed({ plan }: RebuildInputs, { key, fds }: Terminal, info: TtyInfoEntry): void {
  if (!info.termios) return;
  const settings = settingsOf(info.termios);
  const fd = fds.slave as number;
  let before: Settings | undefined;
  plan.onFailure.push({
    what: `settings of terminal ${key}`,
    run: (port) => {
      if (before) withoutTtou(port, () => set(port, fd, before as Settings));
    },
  });
  plan.host({
    stage: 'commit',
    what: `settings of terminal ${key}`,
    run: (port) => {
      before = askSettings(port, fd);
      withoutTtou(port, () => set(port, fd, settings));
    },
  });
}

/**
 * Terminals in a dump: what a frozen tree has open of one terminal, and whether the side that it does not have may be
 * left out. Asked through descriptors taken from the tasks; nothing is changed.
 */
import type { ProcessView } from '../../../checkpoint/views.js';
import { decodeTtyNr, encodeDev } from '../../../linux/procfs/devices.js';
import {
  N_TTY,
  TIOCGDEV,
  TIOCGETD,
  TIOCGEXCL,
  TIOCGPKT,
  TIOCGPTLCK,
} from '../../../linux/uapi/tty.js';
import { toNumber } from '../../../support/bytes.js';
import { external, unsupported } from '../../../support/errors.js';
import type { DescriptionView, TreeFiles } from '../../kinds.js';
import type { DumpPort } from '../../ports.js';
import { externalTerminal } from '../external.js';
import { type Side, slaveDevice, whichTerminal } from './devices.js';
import { observeQueues, type QueuesSeen } from './queue.js';
import {
  askInt,
  askLocked,
  askSettings,
  askWindowSize,
  isSet,
  type LockedSettings,
  mustAskInt,
  type Settings,
  type WindowSize,
} from './requests.js';

/** One side of a terminal, as a descriptor of it answers. */
export interface SideSeen {
  /** undefined: it was hung up, and answers nothing. */
  settings: Settings | undefined;
  locked: LockedSettings | undefined;
  size: WindowSize | undefined;
  /** Of a master alone: the slave cannot be opened; packet mode. */
  isLocked: boolean;
  isPacket: boolean;
  isExclusive: boolean;
}

export interface TerminalSeen {
  sides: ReadonlyMap<DescriptionView, SideSeen>;
  /** Whose controlling terminal it is, and the group in its foreground, as the tasks see them; 0: nobody's. */
  session: { sid: number; pgrp: number };
  /** Its other side is the user's affair: 'tty[8803:1a]'. */
  external: string | undefined;
  /** Of a pty whose master is in the tree. */
  queues: QueuesSeen | undefined;
}

export function observeTerminal(
  port: DumpPort,
  group: readonly DescriptionView[],
  { processes }: TreeFiles,
): TerminalSeen {
  const sides = new Map(group.map((view) => [view, observeSide(port, view)]));
  const resource = externalTerminal(group[0] as DescriptionView);
  const isExternal = port.options.external.includes(resource);
  if (!isExternal) verifySides(port, sides, processes);
  const device = deviceOf(port, group[0] as DescriptionView);
  const session = sessionOf(processes, device);
  if (!isExternal) verifyCurrent(group[0] as DescriptionView, session);
  return {
    sides,
    session,
    queues: queuesOf(port, sides),
    external: isExternal ? resource : undefined,
  };
}

/** /dev/tty leads to the terminal of whoever opens it: the first that has it must be able to open it again. */
function verifyCurrent(view: DescriptionView, { sid }: TerminalSeen['session']): void {
  const { vsid } = view.process;
  if (whichTerminal(view).side !== 'current' || sid === vsid) return;
  const whose = sid === 0 ? 'a terminal of no process here' : `the terminal of session ${sid}`;
  throw unsupported(`its '/dev/tty' is ${whose}, and it is in session ${vsid}`, {
    remedy: 'close it before the checkpoint, or open the terminal by its own name (ttyname)',
  });
}

function queuesOf(
  port: DumpPort,
  sides: ReadonlyMap<DescriptionView, SideSeen>,
): QueuesSeen | undefined {
  const find = (wanted: Side): DescriptionView | undefined =>
    [...sides.keys()].find((view) => whichTerminal(view).side === wanted);
  const masterView = find('master');
  const side = masterView && sides.get(masterView);
  if (!masterView || !side?.settings) return undefined;
  const slaveView = find('slave');
  const take = ({ process, fd }: DescriptionView): number => port.take(process.task, fd);
  const master = take(masterView);
  const slave = slaveView && take(slaveView);
  try {
    return observeQueues(port, { master, slave, side, settings: side.settings });
  } finally {
    port.drop(master);
    if (slave !== undefined) port.drop(slave);
  }
}

function observeSide(port: DumpPort, view: DescriptionView): SideSeen {
  const fd = port.take(view.process.task, view.fd);
  try {
    const settings = askSettings(port, fd);
    const nothing = { isLocked: false, isPacket: false, isExclusive: false };
    if (settings === undefined) {
      return { ...nothing, settings, locked: undefined, size: undefined };
    }
    const discipline = mustAskInt(port, fd, TIOCGETD);
    if (discipline !== N_TTY) {
      throw unsupported(`'${view.target}' has line discipline ${discipline}, not N_TTY`);
    }
    return {
      settings,
      locked: askLocked(port, fd),
      size: askWindowSize(port, fd),
      isLocked: isSet(port, fd, TIOCGPTLCK),
      isPacket: isSet(port, fd, TIOCGPKT),
      isExclusive: isSet(port, fd, TIOCGEXCL),
    };
  } finally {
    port.drop(fd);
  }
}

/** The terminal's own number: that of a slave for its master, and of whatever /dev/tty led to. */
function deviceOf(port: DumpPort, view: DescriptionView): number {
  const { side, index } = whichTerminal(view);
  if (side === 'master') return slaveDevice(index);
  if (side !== 'current') return toNumber(view.stat.rdev);
  const fd = port.take(view.process.task, view.fd);
  const device = askInt(port, fd, TIOCGDEV);
  port.drop(fd);
  return device === undefined ? 0 : device >>> 0;
}

export const terminalOf = ({ stat }: ProcessView): number => {
  const device = decodeTtyNr(stat.tty_nr);
  return device === undefined ? 0 : encodeDev(device);
};

function sessionOf(processes: readonly ProcessView[], device: number): TerminalSeen['session'] {
  const living = processes.filter(({ state }) => state === 'alive');
  const member = device === 0 ? undefined : living.find((one) => terminalOf(one) === device);
  if (member === undefined) return { sid: 0, pgrp: 0 };
  const { tpgid } = member.stat;
  const inFront = living.find(({ stat }) => stat.pgrp === tpgid);
  return { sid: member.vsid, pgrp: inFront?.vpgid ?? Math.max(tpgid, 0) };
}

const SHELL_JOB =
  'dump and restore it with --shell-job (-j), or start it away from the terminal: setsid PROGRAM < /dev/null > LOG 2>&1 &';

/** What the tree has of a terminal must make sense alone, or the user must say what comes in place of the rest. */
function verifySides(
  port: DumpPort,
  sides: ReadonlyMap<DescriptionView, SideSeen>,
  processes: readonly ProcessView[],
): void {
  const views = [...sides].map(([view, { settings }]) => ({
    view,
    isHungUp: settings === undefined,
    ...whichTerminal(view),
  }));
  const master = views.find(({ side }) => side === 'master');
  const slave = views.find(({ side, isHungUp }) => side === 'slave' && !isHungUp);
  const hungUp = views.find(({ side, isHungUp }) => side !== 'master' && isHungUp);
  if (hungUp && (master || slave || hungUp.side !== 'slave')) {
    throw unsupported(`'${hungUp.view.target}' was hung up (vhangup) and opened again`, {
      remedy: 'close it before the checkpoint',
    });
  }
  if (!slave || master) return;
  const { view } = slave;
  const [root] = processes;
  const device = toNumber(view.stat.rdev);
  const isJob = root !== undefined && root.vsid !== root.vpid;
  const isOurs = !isJob || terminalOf(root) === device;
  if (port.options.shellJob && isOurs) return;
  const option = `--external '${externalTerminal(view)}'`;
  throw external(
    `the other side of the terminal '${view.target}' is outside the tree: a terminal window, tmux, ssh`,
    { remedy: isOurs ? `${SHELL_JOB}; ${option} if another terminal is handed in` : option },
  );
}

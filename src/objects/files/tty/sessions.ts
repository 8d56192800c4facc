/**
 * Controlling terminals in a restore. The leader of a session takes its terminal before the members are born, who
 * inherit it; the group in the foreground is set once the groups exist. Of a job in the caller's session woodfrog
 * itself does that, last, and takes it back when the restore fails.
 */
import { SIG_SETMASK, SIGTTOU, SIGWINCH, sigmask } from '../../../linux/signal.js';
import { AT_FDCWD } from '../../../linux/syscall.js';
import { close, ioctl, openat } from '../../../linux/syscalls/files.js';
import { kill, pidfdGetfd, rtSigprocmask } from '../../../linux/syscalls/tasks.js';
import { ioctlNumber } from '../../../linux/syscalls/terminals.js';
import { O_CLOEXEC, O_NOCTTY, O_NONBLOCK, O_RDWR } from '../../../linux/uapi/fcntl.js';
import { TIOCSCTTY, TIOCSPGRP } from '../../../linux/uapi/tty.js';
import type { Plan } from '../../../plan/plan.js';
import type { Track } from '../../../plan/track.js';
import { defined } from '../../../support/assert.js';
import { u32Bytes, u64Bytes } from '../../../support/bytes.js';
import { refused, unsupported } from '../../../support/errors.js';
import type { KernelPort } from '../../ports.js';
import type { HostStepPort, ProcessRebuild, RebuildInputs } from '../../rebuild-context.js';
import { sessionOf, type Terminal, type Terminals } from './terminals.js';

/** Steps that give a session its terminal, on the track of its leader, which has just made the session. */
export function takeTerminal(
  track: Track,
  sid: number,
  { terminals, controlFd, deviceName }: { terminals: Terminals } & TerminalAccess,
): void {
  const terminal = terminals.ofSession(sid);
  if (terminal === undefined) return;
  const object = `controlling terminal ${terminal.key}`;
  const isOurs = terminal.kind === 'callers';
  if (isOurs) verifyGivable(terminals, sid);
  withTerminal(track, terminal, { controlFd, deviceName }, (fd) => {
    // Only with 1, and CAP_SYS_ADMIN, it is taken from a session that has it: from ours.
    track.call(ioctlNumber, { fd, request: TIOCSCTTY, arg: isOurs ? 1 : 0 }, { object });
  });
}

export interface TerminalAccess {
  controlFd: number;
  /** The path of a terminal that is no pty. */
  deviceName(terminal: Terminal): string;
}

function withTerminal(
  track: Track,
  terminal: Terminal,
  { controlFd, deviceName }: TerminalAccess,
  use: (fd: ReturnType<Track['call']>) => void,
): void {
  const object = `controlling terminal ${terminal.key}`;
  const { slave } = terminal.fds;
  const flags = O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC;
  const fd =
    slave === undefined
      ? track.call(
          openat,
          { dirfd: AT_FDCWD, pathname: deviceName(terminal), flags, mode: 0 },
          { object },
        )
      : track.call(pidfdGetfd, { pidfd: controlFd, targetfd: slave, flags: 0 }, { object });
  use(fd);
  track.call(close, { fd }, { object });
}

function verifyGivable({ own }: Terminals, sid: number): void {
  if (own?.isLeader) return;
  throw refused(`session ${sid} needs a terminal of its own, and this one is our shell's`, {
    object: 'terminal',
    remedy:
      "start woodfrog as the terminal's own program: exec woodfrog restore ..., or tmux new-window 'woodfrog restore ...'",
  });
}

/** A tree in the caller's session, to the caller's shell as its job: in a group that is not woodfrog's own. */
export interface ShellJob {
  readonly group: number;
  /** The restore puts it into the foreground of the terminal. */
  readonly isInFront: boolean;
}

/** Which groups of the restored tree are in the foreground of their terminals. Returns what woodfrog's shell waits for. */
export function rebuildSessions(
  context: RebuildInputs,
  access: TerminalAccess,
): ShellJob | undefined {
  let isInFront = false;
  const groups = new Set(context.processes.map(({ pstree }) => pstree.pgid));
  for (const terminal of context.terminals.all) {
    const { sid, pgrp } = sessionOf(terminal);
    if (sid === 0 || terminal.kind === 'current') continue;
    const leader = context.processes.find(({ vpid }) => vpid === sid);
    if (leader) {
      putInFront(leader, { terminal, pgrp, groups }, access);
      if (terminal.kind === 'callers') tellOfSize(context, pgrp);
    } else if (isJobInFront(context, terminal)) {
      giveOurs(context, terminal, pgrp);
      isInFront = true;
    }
  }
  return shellJob(context, isInFront);
}

/** Its group gets into the foreground of our terminal, since we are there ourselves, and it was in that of its own. */
export function isJobInFront(
  { processes, terminals }: Pick<RebuildInputs, 'processes' | 'terminals'>,
  terminal: Terminal,
): boolean {
  const { pgrp } = sessionOf(terminal);
  const isJob = processes.some(({ pstree }) => pstree.pgid === pgrp);
  return terminal.kind === 'callers' && isJob && terminals.own?.isInFront === true;
}

function shellJob(
  { outside, processes, terminals }: RebuildInputs,
  isInFront: boolean,
): ShellJob | undefined {
  const group = processes[0]?.pstree.pgid;
  const isOnOurs = terminals.all.some(({ kind }) => kind === 'callers');
  if (!outside || !isOnOurs || group === undefined || group === outside.group) return undefined;
  return { group, isInFront };
}

function putInFront(
  leader: ProcessRebuild,
  { terminal, pgrp, groups }: { terminal: Terminal; pgrp: number; groups: ReadonlySet<number> },
  access: TerminalAccess,
): void {
  // Its own, which it is when the terminal is taken.
  if (pgrp === leader.pstree.pgid) return;
  const object = `controlling terminal ${terminal.key}`;
  if (!groups.has(pgrp)) {
    throw unsupported(`the group in its foreground, ${pgrp}, has no process`, { object });
  }
  const track = leader.track.at('ends');
  withTerminal(track, terminal, access, (fd) => {
    track.call(ioctl, { fd, request: TIOCSPGRP, argp: u32Bytes(pgrp) }, { object });
  });
}

function giveOurs(context: RebuildInputs, { fds }: Terminal, pgrp: number): void {
  const { plan, terminals } = context;
  const own = defined(terminals.own, 'the terminal of the job is our own');
  const groupOf = groupIn(context, pgrp);
  const fd = fds.slave ?? own.fd;
  giveBackOnFailure(plan, fd, own.group);
  plan.host({
    stage: 'commit',
    what: 'the foreground of our terminal',
    run: (port) => setForeground(port, fd, groupOf(port)),
  });
  tellOfSize(context, pgrp);
}

/** The number of a group here: that of the caller's own group has changed. */
const groupIn =
  ({ terminals, outside }: RebuildInputs, pgrp: number) =>
  (port: HostStepPort): number =>
    pgrp === outside?.group ? (terminals.own?.group ?? pgrp) : port.pidOf(pgrp);

function tellOfSize(context: RebuildInputs, pgrp: number): void {
  const groupOf = groupIn(context, pgrp);
  context.plan.afterwards.push({
    what: 'telling the job to draw itself anew',
    run: (port) => void port.attempt(kill, { pid: -groupOf(port), sig: SIGWINCH }),
  });
}

function giveBackOnFailure(plan: Plan<HostStepPort>, fd: number, group: number): void {
  plan.onFailure.push({
    what: 'the foreground of our terminal',
    run: (port) => setForeground(port, fd, group),
  });
}

/** What changing a terminal takes. */
export type TerminalPort = Pick<KernelPort, 'call' | 'attempt' | 'scope'>;

/** As a process in the background may do, too: with SIGTTOU blocked. tcsetpgrp(3). */
export function setForeground(port: KernelPort, fd: number, group: number): void {
  withoutTtou(port, () => port.call(ioctl, { fd, request: TIOCSPGRP, argp: u32Bytes(group) }));
}

/** As setForeground; whoever is gone gets nothing. */
export function attemptForeground(port: TerminalPort, fd: number, group: number): void {
  withoutTtou(port, () => port.attempt(ioctl, { fd, request: TIOCSPGRP, argp: u32Bytes(group) }));
}

const SIG_BLOCK = 0;

/** What changes a terminal from the background stops its caller by SIGTTOU, unless that is blocked. */
export function withoutTtou(port: TerminalPort, change: () => void): void {
  using scope = port.scope();
  const oldset = scope.alloc(8);
  const set = u64Bytes(sigmask(SIGTTOU));
  port.call(rtSigprocmask, { how: SIG_BLOCK, set, oldset, sigsetsize: 8 });
  try {
    change();
  } finally {
    const before = oldset.bytes.slice();
    port.call(rtSigprocmask, { how: SIG_SETMASK, set: before, oldset: 0, sigsetsize: 8 });
  }
}

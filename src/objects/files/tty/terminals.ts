/**
 * Terminals in a restore: what stands behind each tty_info_entry here. A pty with its master in the images is made anew
 * by woodfrog, with the number it had; of one without, the slave is the caller's own terminal, or one that was handed in.
 * Pure but for what the host opens; tracks take descriptors from there.
 */
import { IMAGES } from '../../../images/catalogue.js';
import type { ImageSet } from '../../../images/directory.js';
import { TtyType } from '../../../images/messages/tty.js';
import { encodeDev } from '../../../linux/procfs/devices.js';
import { O_RDWR } from '../../../linux/uapi/fcntl.js';
import { PTMX_MINOR, TTYAUX_MAJOR } from '../../../linux/uapi/tty.js';
import { concat } from '../../../support/bytes.js';
import { external, imageError, refused } from '../../../support/errors.js';
import type { TtyInfoEntry } from './index.js';
import type { WindowSize } from './requests.js';

/** The terminal of woodfrog's own session. */
export interface OwnTerminal {
  /** A descriptor of ours. */
  readonly fd: number;
  /** Ours, as numbers of our own pid namespace. */
  readonly session: number;
  readonly group: number;
  /** We lead the session: nobody else loses the terminal with it. */
  readonly isLeader: boolean;
  /** We are in its foreground: it is ours to use, and to give away. */
  readonly isInFront: boolean;
}

/** Terminals that woodfrog opens, in its own table: puppets take them by pidfd_getfd(2). Closed when the restore ends. */
export interface TerminalHost {
  /** A new pty with this number, its master opened with these flags. Throws `refused` when it is taken. */
  makePair(
    index: number,
    as: { flags: number; hasSlave: boolean; size?: WindowSize },
  ): { master: number; slave?: number };
  /** Closes one of them early. */
  drop(fd: number): void;
  readonly own: OwnTerminal | undefined;
}

export interface TerminalsInput {
  images: ImageSet;
  host: TerminalHost;
  shellJob: boolean;
  /** Descriptors of ours that were handed in, by the resource that they stand for: 'tty[8803:1a]'. */
  inherited: ReadonlyMap<string, number>;
}

export interface Terminal {
  readonly key: string;
  /**
   * pair: made anew. hung up: a slave whose master goes. callers: ours. handed in: by --inherit-fd. device: opened by its
   * name. current: /dev/tty.
   */
  readonly kind: 'pair' | 'hung up' | 'callers' | 'handed in' | 'device' | 'current';
  readonly master: TtyInfoEntry | undefined;
  /** Or the only side. */
  readonly slave: TtyInfoEntry | undefined;
  /** Descriptors of ours. */
  readonly fds: { master?: number; slave?: number };
  /** To be read from each side. */
  readonly input: Uint8Array;
  readonly output: Uint8Array;
}

const PTMX = encodeDev({ major: TTYAUX_MAJOR, minor: PTMX_MINOR });

/** As `--external` and `--inherit-fd` spell it. */
export const resourceName = ({ rdev, dev }: TtyInfoEntry): string =>
  `tty[${rdev.toString(16)}:${(dev ?? 0).toString(16)}]`;

/** Others are made, or are woodfrog's, whatever they were called. */
export const isOpenedByName = ({ kind }: Terminal): boolean =>
  kind === 'device' || kind === 'current';

/** The path of a terminal that is no pty. */
export function deviceName(images: ImageSet, { key, slave }: Terminal): string {
  const files = images.many(IMAGES.FILES);
  const regf_id = files.find(({ tty }) => tty && tty.tty_info_id === slave?.id)?.tty?.regf_id;
  const name = files.find(({ id }) => id === regf_id)?.reg?.name;
  if (name === undefined) throw imageError(`terminal ${key} has no file`, { object: 'files.img' });
  return name;
}

export class Terminals {
  readonly all: readonly Terminal[];
  readonly #host: TerminalHost;
  readonly #byInfo = new Map<number, Terminal>();

  constructor(input: TerminalsInput) {
    this.#host = input.host;
    const groups = new Map<string, TtyInfoEntry[]>();
    for (const info of input.images.many(IMAGES.TTY_INFO)) {
      const isPty = info.type === TtyType.PTY && info.pty !== undefined;
      const key = isPty ? `pts ${info.pty?.index}` : `tty ${info.id}`;
      groups.set(key, [...(groups.get(key) ?? []), info]);
    }
    const flags = masterFlags(input.images);
    this.all = [...groups].map(([key, infos]) => {
      const terminal = terminalOf(key, infos, { ...input, flags });
      for (const { id } of infos) this.#byInfo.set(id, terminal);
      return terminal;
    });
  }

  /** The terminal behind a tty_file_entry's tty_info_id. */
  of(infoId: number): Terminal {
    const terminal = this.#byInfo.get(infoId);
    if (!terminal) throw imageError(`terminal ${infoId} is missing`, { object: 'tty-info.img' });
    return terminal;
  }

  get own(): OwnTerminal | undefined {
    return this.#host.own;
  }

  /** Closes a master whose slave shall be hung up: nobody else has it. */
  hangUp(master: number | undefined): void {
    if (master !== undefined) this.#host.drop(master);
  }

  /** The controlling terminal of a session; that of /dev/tty is told by another entry, too. */
  ofSession(sid: number): Terminal | undefined {
    return this.all.find((one) => one.kind !== 'current' && sessionOf(one).sid === sid);
  }
}

/** Of a pty, the side that knows. */
export function sessionOf({ master, slave }: Terminal): { sid: number; pgrp: number } {
  const { sid, pgrp } = [slave, master].find((info) => (info?.sid ?? 0) !== 0) ?? {
    sid: 0,
    pgrp: 0,
  };
  return { sid, pgrp };
}

/** The flags that masters were opened with, by tty_info_id. */
function masterFlags(images: ImageSet): Map<number, number> {
  const ttys = images.many(IMAGES.FILES).flatMap(({ tty }) => (tty ? [tty] : []));
  return new Map(ttys.map(({ tty_info_id, flags }) => [tty_info_id, flags]));
}

type Means = TerminalsInput & { flags: ReadonlyMap<number, number> };

function terminalOf(key: string, infos: readonly TtyInfoEntry[], means: Means): Terminal {
  const master = infos.find(({ rdev }) => rdev === PTMX);
  const slave = infos.find((info) => info !== master);
  const data = means.images.many(IMAGES.TTY_DATA);
  const queued = (info: TtyInfoEntry | undefined): Uint8Array =>
    concat(data.filter(({ tty_id }) => tty_id === info?.id).map((one) => one.data));
  const terminal = { key, master, slave, input: queued(slave), output: queued(master) };
  const { type } = (slave ?? master) as TtyInfoEntry;
  if (type === TtyType.CTTY) return { ...terminal, kind: 'current', fds: {} };
  if (type !== TtyType.PTY && type !== TtyType.EXT_TTY) {
    return { ...terminal, kind: 'device', fds: {} };
  }
  if (master && type === TtyType.PTY) {
    const { winsize: size, peer_closed } = master;
    const flags = means.flags.get(master.id) ?? 0;
    // Of a master whose slave was never opened it must not be opened now: it would be told that it was closed.
    const hasSlave = slave !== undefined || peer_closed === true;
    const fds = means.host.makePair(indexOf(master), { flags, hasSlave, ...(size && { size }) });
    return { ...terminal, kind: 'pair', fds };
  }
  const only = slave as TtyInfoEntry;
  const handedIn = means.inherited.get(resourceName(only));
  if (handedIn !== undefined) return { ...terminal, kind: 'handed in', fds: { slave: handedIn } };
  if (type === TtyType.EXT_TTY) {
    const resource = resourceName(only);
    throw external(`the terminal ${resource} was left out of the images, and none is handed in`, {
      object: 'terminal',
      remedy: `open one as descriptor N and say so: --inherit-fd 'fd[N]:${resource}'`,
    });
  }
  if (only.termios === undefined) {
    return {
      ...terminal,
      kind: 'hung up',
      fds: means.host.makePair(indexOf(only), { flags: O_RDWR, hasSlave: true }),
    };
  }
  return { ...terminal, kind: 'callers', fds: { slave: callersTerminal(only, means).fd } };
}

function indexOf({ id, pty }: TtyInfoEntry): number {
  if (!pty) throw imageError(`pty ${id} has no number`, { object: 'tty-info.img' });
  return pty.index;
}

function callersTerminal(info: TtyInfoEntry, { host, shellJob }: Means): OwnTerminal {
  const object = 'terminal';
  const was = `the program had a terminal ('/dev/pts/${info.pty?.index}') that is not in the images`;
  if (!shellJob) {
    throw external(`${was}, and without --shell-job it gets none`, {
      object,
      remedy: `restore it with --shell-job (-j), from the terminal that it shall have; or hand one in: --inherit-fd 'fd[N]:${resourceName(info)}'`,
    });
  }
  if (host.own === undefined) {
    throw refused(`${was}, and woodfrog has no terminal to give it`, {
      object,
      remedy: 'run woodfrog restore --shell-job in a terminal: a window of it, tmux, ssh -t',
    });
  }
  return host.own;
}

/**
 * Terminals: both sides of a pty, consoles, /dev/tty. A tty_file_entry is an open description; the terminal behind it is
 * a tty_info_entry, one for each side of a pty. Settings, queues and the foreground group come back through terminals.ts.
 */
import { IMAGES } from '../../../images/catalogue.js';
import { fd_types } from '../../../images/messages/fdinfo.js';
import { TtyType, type tty_file_entry, type tty_info_entry } from '../../../images/messages/tty.js';
import type { MessageValue } from '../../../images/schema.js';
import { O_CLOEXEC } from '../../../linux/uapi/fcntl.js';
import { defined } from '../../../support/assert.js';
import { toNumber } from '../../../support/bytes.js';
import { type DescriptionView, defineFileKind, type ResourceEntry } from '../../kinds.js';
import { noOwner } from '../registry.js';
import { TERMINALS, terminalKey, type Which, whichTerminal } from './devices.js';
import { observeTerminal, type SideSeen, type TerminalSeen } from './observe.js';
import { type MadeTerminal, makeTerminal, openTerminal } from './open.js';
import { lockedEntry, settingsEntry } from './termios.js';

type TtyFileEntry = MessageValue<typeof tty_file_entry>;
export type TtyInfoEntry = MessageValue<typeof tty_info_entry>;

/** Of a terminal that is no pty: CRIU numbers those from 2000 on, without regard to ptys above 1000. */
const OTHER_IDS = 0x4000_0000;
const CURRENT_IDS = 0x8000_0000;

function infoId({ side, index }: Which, { stat, process }: DescriptionView): number {
  if (side === 'master') return 2 * index + 1;
  if (side === 'slave') return 2 * index;
  // Two sessions have two of them.
  return side === 'current' ? CURRENT_IDS + process.vsid : OTHER_IDS + toNumber(stat.rdev);
}

function infoEntry(which: Which, view: DescriptionView, seen: TerminalSeen): TtyInfoEntry {
  const { stat } = view;
  const { settings, locked, size, isLocked, isExclusive, isPacket } = defined(
    seen.sides.get(view),
    'a terminal was observed',
  ) satisfies SideSeen;
  const isExternal = seen.external !== undefined;
  return {
    id: infoId(which, view),
    type: isExternal ? TtyType.EXT_TTY : which.type,
    locked: isLocked,
    exclusive: isExclusive,
    packet_mode: isPacket,
    ...seen.session,
    rdev: toNumber(stat.rdev),
    ...(settings && { termios: settingsEntry(settings) }),
    ...(locked && { termios_locked: lockedEntry(locked) }),
    ...(size && { winsize: size }),
    ...(which.type === TtyType.PTY && !isExternal && { pty: { index: which.index } }),
    dev: toNumber(stat.dev),
    uid: stat.uid,
    gid: stat.gid,
    ...(which.side === 'slave' && seen.queues?.isStopped && { stopped: true }),
    ...(which.side === 'master' && seen.queues?.isPeerClosed && { peer_closed: true }),
  };
}

/** What can be read from this side. */
function queueOf({ side }: Which, tty_id: number, { queues }: TerminalSeen): ResourceEntry[] {
  const data = side === 'master' ? queues?.output : queues?.input;
  if ((side !== 'master' && side !== 'slave') || !data || data.length === 0) return [];
  return [{ image: IMAGES.TTY_DATA, key: String(tty_id), value: { tty_id, data } }];
}

export const terminal = defineFileKind<TtyFileEntry, TerminalSeen, MadeTerminal>({
  name: 'terminal',
  fdType: fd_types.TTY,
  unionField: 'tty',
  recognize: TERMINALS,
  isDevice: true,
  groupOf: terminalKey,
  observe: observeTerminal,
  inspect({ id, description, seen, ids }) {
    const which = whichTerminal(description);
    const info = infoEntry(which, description, seen);
    const flags = description.fdinfo.flags & ~O_CLOEXEC;
    const { named } = description;
    const isNamed = named !== undefined && seen.external === undefined;
    return {
      entry: {
        id,
        tty_info_id: info.id,
        flags,
        fown: noOwner(),
        ...(isNamed && { regf_id: ids.addNamed(named, { flags, pos: 0n }) }),
      },
      resources: [
        { image: IMAGES.TTY_INFO, key: String(info.id), value: info },
        ...queueOf(which, info.id, seen),
      ],
    };
  },
  resourceOf: ({ tty_info_id }, { terminals }) => terminals.of(tty_info_id).key,
  make: makeTerminal,
  open: openTerminal,
});

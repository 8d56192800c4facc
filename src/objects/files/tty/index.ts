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
import {
  type DescriptionView,
  defineFileKind,
  type FileIds,
  type ResourceEntry,
} from '../../kinds.js';
import { noOwner } from '../registry.js';
import { TERMINALS, terminalKey, type Which, whichTerminal } from './devices.js';
import { observeTerminal, type SideSeen, type TerminalSeen } from './observe.js';
import { type MadeTerminal, makeTerminal, openTerminal } from './open.js';
import { lockedEntry, settingsEntry } from './termios.js';

type TtyFileEntry = MessageValue<typeof tty_file_entry>;
export type TtyInfoEntry = MessageValue<typeof tty_info_entry>;

/** Those that CRIU gives, which takes no others: two for each pty, and for what is no pty these. */
const CONSOLE_ID = 2004;
const VT_ID = 2008;
const CURRENT_ID = 2012;
const OTHER_ID = 2026;

function infoId(
  { side, type, index }: Which,
  { stat, process }: DescriptionView,
  { ids, isExternal }: { ids: FileIds; isExternal: boolean },
): number {
  if (isExternal) return ids.terminalId(`external ${stat.rdev} ${stat.dev}`, OTHER_ID);
  if (side === 'master') return ids.terminalId(`master ${index}`, 2 * index + 1);
  if (side === 'slave') return ids.terminalId(`slave ${index}`, 2 * index);
  // Each session has its own.
  if (side === 'current') return ids.terminalId(`current ${process.vsid}`, CURRENT_ID);
  const usual = type === TtyType.CONSOLE ? CONSOLE_ID : type === TtyType.VT ? VT_ID : OTHER_ID;
  return ids.terminalId(`device ${stat.rdev}`, usual);
}

function infoEntry(
  which: Which,
  view: DescriptionView,
  { seen, ids }: { seen: TerminalSeen; ids: FileIds },
): TtyInfoEntry {
  const { stat } = view;
  const { settings, locked, size, isLocked, isExclusive, isPacket } = defined(
    seen.sides.get(view),
    'a terminal was observed',
  ) satisfies SideSeen;
  const isExternal = seen.external !== undefined;
  return {
    id: infoId(which, view, { ids, isExternal }),
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
    const info = infoEntry(which, description, { seen, ids });
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

/** Settings of terminals as images have them: the kernel's struct, with c_cc as bytes that fill its first words. */
import type { termios_entry } from '../../../images/messages/tty.js';
import type { MessageValue } from '../../../images/schema.js';
import { BOTHER, CBAUD, CIBAUD, NCCS } from '../../../linux/uapi/tty.js';
import { viewOf } from '../../../support/bytes.js';
import type { LockedSettings, Settings } from './requests.js';

export type TermiosEntry = MessageValue<typeof termios_entry>;

/** NCCS words, of which the first five hold the NCCS characters. */
function wordsOf(characters: Uint8Array): number[] {
  const padded = new Uint8Array(4 * NCCS);
  padded.set(characters);
  const view = viewOf(padded);
  return Array.from({ length: NCCS }, (_, i) => view.getUint32(4 * i, true));
}

function charactersOf(words: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(4 * NCCS);
  const view = viewOf(bytes);
  for (const [i, word] of words.slice(0, NCCS).entries()) view.setUint32(4 * i, word, true);
  return bytes.slice(0, NCCS);
}

/** Speeds that c_cflag names are not told twice. */
const hasOwnSpeeds = ({ c_cflag }: { c_cflag: number }): boolean =>
  (c_cflag & CBAUD) === BOTHER || (c_cflag & CIBAUD) !== 0;

export function settingsEntry(settings: Settings): TermiosEntry {
  const { c_cc, ...flags } = settings;
  const speeds = hasOwnSpeeds(settings) ? {} : { c_ispeed: 0, c_ospeed: 0 };
  return { ...flags, ...speeds, c_cc: wordsOf(c_cc) };
}

export const lockedEntry = ({ c_cc, ...flags }: LockedSettings): TermiosEntry => ({
  ...flags,
  c_ispeed: 0,
  c_ospeed: 0,
  c_cc: wordsOf(c_cc),
});

export const settingsOf = (entry: TermiosEntry): Settings => ({
  ...entry,
  c_cc: charactersOf(entry.c_cc),
});

/** A host whose ptys are numbers. */
import type { TerminalHost } from '../../src/objects/files/tty/terminals.js';

export const fakeTerminals = (own?: TerminalHost['own']): TerminalHost => ({
  makePair: (index, { hasSlave }) => ({
    master: 1000 + 2 * index,
    ...(hasSlave && { slave: 1001 + 2 * index }),
  }),
  drop: () => {},
  own,
});

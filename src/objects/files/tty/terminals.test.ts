import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fixtureImages } from '../../../../test/support/golden-images.js';
import { fakeTerminals } from '../../../../test/support/terminals.js';
import { IMAGES } from '../../../images/catalogue.js';
import { ImageSet } from '../../../images/directory.js';
import { TtyType } from '../../../images/messages/tty.js';
import type { TtyInfoEntry } from './index.js';
import { quietly } from './queue.js';
import { type OwnTerminal, sessionOf, Terminals } from './terminals.js';
import { settingsEntry, settingsOf } from './termios.js';

const termios = {
  ...{ c_iflag: 0o2400, c_oflag: 5, c_cflag: 0xbf, c_lflag: 0o105073, c_line: 0 },
  ...{ c_ispeed: 38400, c_ospeed: 38400 },
  c_cc: Uint8Array.from({ length: 19 }, (_, i) => i + 1),
};

const info = (more: Partial<TtyInfoEntry>): TtyInfoEntry => ({
  ...{ id: 6, type: TtyType.PTY, locked: false, exclusive: false, packet_mode: false },
  ...{ sid: 0, pgrp: 0, rdev: 0x8803, dev: 0x1a, pty: { index: 3 } },
  termios: settingsEntry(termios),
  ...more,
});
const master = info({ id: 7, rdev: 0x502, sid: 20, pgrp: 21 });
const own: OwnTerminal = { fd: 40, session: 5, group: 6, isLeader: false, isInFront: true };

function terminals(
  infos: readonly TtyInfoEntry[],
  {
    shellJob = false,
    inherited = new Map<string, number>(),
    terminal = undefined as typeof own | undefined,
  } = {},
): Terminals {
  const images = new ImageSet();
  for (const one of infos) images.add(IMAGES.TTY_INFO, one);
  return new Terminals({ images, host: fakeTerminals(terminal), shellJob, inherited });
}

test('characters fill the first words of c_cc, and speeds that flags name are left out', () => {
  const entry = settingsEntry(termios);
  assert.deepEqual(
    entry.c_cc.slice(0, 6),
    [0x04030201, 0x08070605, 0x0c0b0a09, 0x100f0e0d, 0x131211, 0],
  );
  assert.equal(entry.c_cc.length, 19);
  assert.deepEqual(settingsOf(entry), { ...termios, c_ispeed: 0, c_ospeed: 0 });
});

test('both sides of a pty are one terminal, and its master knows the session', () => {
  const all = terminals([info({}), master]);
  assert.equal(all.of(6), all.of(7));
  assert.equal(all.of(6).kind, 'pair');
  assert.deepEqual(sessionOf(all.of(6)), { sid: 20, pgrp: 21 });
  assert.equal(all.ofSession(20), all.of(6));
  assert.equal(all.ofSession(21), undefined);
});

test('a slave alone is handed in, or the own terminal of the caller, or hung up', () => {
  const slave = info({ sid: 20 });
  const inherited = new Map([['tty[8803:1a]', 9]]);
  assert.deepEqual(terminals([slave], { inherited }).of(6).fds, { slave: 9 });
  const ours = terminals([slave], { shellJob: true, terminal: own }).of(6);
  assert.deepEqual([ours.kind, ours.fds], ['callers', { slave: 40 }]);
  assert.throws(() => terminals([slave], { terminal: own }), /without --shell-job it gets none/);
  assert.throws(
    () => terminals([slave], { shellJob: true }),
    /woodfrog has no terminal to give it/,
  );
  const { termios: _, ...hungUp } = slave;
  assert.equal(terminals([hungUp]).of(6).kind, 'hung up');
  const { pty: _pty, ...left } = info({ type: TtyType.EXT_TTY });
  assert.throws(() => terminals([left]), /tty\[8803:1a\] was left out/);
});

test('the terminals of a checkpoint of CRIU are understood', () => {
  const images = fixtureImages('files');
  const all = new Terminals({
    images,
    host: fakeTerminals(),
    shellJob: false,
    inherited: new Map(),
  });
  const [pair] = all.all;
  assert.equal(pair?.kind, 'pair');
  assert.equal(Buffer.from(pair?.input ?? []).toString(), 'typed\n');
  assert.equal(Buffer.from(pair?.output ?? []).toString(), 'typed\r\n');
});

test('while queues are filled nothing is echoed, edited or taken for a signal', () => {
  const quiet = quietly(termios);
  assert.deepEqual([quiet.c_iflag, quiet.c_oflag, quiet.c_lflag], [0, 4, 2]);
  assert.deepEqual(
    [...quiet.c_cc].flatMap((c, i) => (c === 0 ? [] : [i])),
    [6, 11, 16],
  );
});

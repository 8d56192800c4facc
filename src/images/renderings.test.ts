import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seeded } from '../../test/support/golden.js';
import { utf8 } from '../support/bytes.js';
import {
  parseAddress,
  parseBase64,
  parseDevice,
  parseFlags,
  parseQuoted,
  printBase64,
  printQuoted,
} from './renderings.js';

// What Python's quopri makes of the same bytes.
const QUOTED: [string | Uint8Array, string][] = [
  ['listener.sock\0', 'listener.sock=00'],
  ['a = b\t \0', 'a =3D b\t =00'],
  [Uint8Array.of(0, 255, 10, 13, 32), '=00=FF\n\r=20'],
  [`${'x'.repeat(120)}\0`, `${'x'.repeat(75)}=\n${'x'.repeat(45)}=00`],
  ['.\n._', '=2E\n._'],
  ['tab \nend\t', 'tab=20\nend=09'],
  ['', ''],
];

test('names are quoted as crit quotes them', () => {
  for (const [raw, quoted] of QUOTED) {
    const bytes = typeof raw === 'string' ? utf8(raw) : raw;
    assert.equal(printQuoted(bytes), quoted);
    assert.deepEqual(parseQuoted(quoted), bytes);
  }
});

test('any bytes survive quoting and base64', () => {
  const random = seeded(7);
  for (let round = 0; round < 2000; round++) {
    const bytes = Uint8Array.from({ length: random(200) }, () =>
      random(3) === 0 ? (utf8('\r\n\t .=\0')[random(7)] as number) : random(256),
    );
    assert.deepEqual(parseQuoted(printQuoted(bytes)), bytes);
    assert.deepEqual(parseBase64(printBase64(bytes)), bytes);
  }
});

test('malformed text is told from well-formed', () => {
  for (const text of ['=', '=4', '=GG', 'é']) assert.equal(parseQuoted(text), undefined, text);
  for (const text of ['a', 'ab=c', '====', 'é==='])
    assert.equal(parseBase64(text), undefined, text);
  for (const text of ['1', '4096:0', '0:1048576', '-1:0', 'a:b'])
    assert.equal(parseDevice(text, false), undefined, text);
  for (const text of [
    '1.2.3',
    '256.0.0.0',
    '1:2',
    ':::',
    '1::2::3',
    '1:2:3:4:5:6:7:8:9',
    'g::',
    '::1.2.3',
  ])
    assert.equal(parseAddress(text), undefined, text);
  assert.equal(parseFlags('A | C', { A: 1, B: 2 }), undefined);
  assert.equal(parseFlags(' A |B| 0x10', { A: 1, B: 2 }), 0x13n);
  assert.equal(parseFlags('', { A: 1 }), 0n);
});

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { viewOf } from '../../support/bytes.js';
import {
  encodeFpstate,
  type FpregsEntry,
  fpregsFromXstate,
  unsavableXstate,
  type XsaveEntry,
  type XstateComponent,
  type XstateLayout,
  xcr0Of,
  xstateBv,
  xstateFromFpregs,
  xstateLayout,
} from './xstate.js';

const AVX512 = 0xe7n;
const MPX = 0x18n;
const PKRU = 0x200n;
const AMX = 0x60000n;

/** AMD Zen 4: AVX-512 directly behind AVX. */
const amdComponents: Record<number, XstateComponent> = {
  2: { offset: 576, size: 256 },
  5: { offset: 832, size: 64 },
  6: { offset: 896, size: 512 },
  7: { offset: 1408, size: 1024 },
};
const amd = xstateLayout(AVX512, (bit) => amdComponents[bit]);
const intel = xstateLayout(AVX512 | PKRU);

const WIDE_FIELDS = ['bndreg_state', 'bndcsr_state', 'opmask_reg', 'zmm_upper', 'hi16_zmm'];

/** The fpregs of a core image of CRIU, 64-bit words exact: a reviver sees them already rounded. */
function goldenFpregs(): FpregsEntry {
  const file = new URL('../../../../src/arch/x86-64/fixtures/core-loop.json', import.meta.url);
  const text = readFileSync(file, 'utf8').replace(/(?<=[[ ])(\d{16,})(?=[,\]])/g, '"$1"');
  const { fpregs } = JSON.parse(text);
  const { xsave } = fpregs;
  for (const field of WIDE_FIELDS) xsave[field] = (xsave[field] ?? []).map(BigInt);
  const cet = { cet: BigInt(xsave.cet.cet), ssp: BigInt(xsave.cet.ssp) };
  const entry: XsaveEntry = { pkru: [], ...xsave, xstate_bv: BigInt(xsave.xstate_bv), cet };
  const [rip, rdp] = [BigInt(fpregs.rip), BigInt(fpregs.rdp)];
  return { padding: [], ...fpregs, rip, rdp, xsave: entry };
}

const goldenXsave = (): XsaveEntry => goldenFpregs().xsave as XsaveEntry;

test('the golden image is read exactly', () => {
  const { hi16_zmm, opmask_reg } = goldenXsave();
  assert.equal(hi16_zmm[19], 17908572714206497792n);
  assert.equal(hi16_zmm.length, 128);
  assert.equal(opmask_reg[0], 33554430n);
});

test('every value of a golden image survives the way through XSAVE bytes and back', () => {
  const fpregs = goldenFpregs();
  const xstate = xstateFromFpregs(fpregs, amd);
  assert.equal(xstate.length, 2432);
  assert.equal(xcr0Of(xstate), AVX512);
  assert.equal(xstateBv(xstate), 0xa2n);
  assert.deepEqual(fpregsFromXstate(xstate, amd), fpregs);
});

test('bytes of a maker with another layout give the same image', () => {
  const layout = xstateLayout(AVX512);
  const xstate = xstateFromFpregs(goldenFpregs(), layout);
  assert.equal(xstate.length, 2688);
  assert.equal(viewOf(xstate).getBigUint64(1088, true), 33554430n);
  assert.equal(viewOf(xstate).getBigUint64(1664 + 19 * 8, true), 17908572714206497792n);
  assert.deepEqual(fpregsFromXstate(xstate, layout), goldenFpregs());
});

test('bytes survive the way through an image, every component of them', () => {
  const layout = xstateLayout(AVX512 | MPX | PKRU);
  const xstate = new Uint8Array(layout.length).map((_, i) => (i * 7) % 251);
  xstate.fill(0, 416, 576);
  xstate[5] = 0;
  for (let i = 832; i < 960; i++) xstate[i] = 0;
  viewOf(xstate).setBigUint64(464, layout.xcr0, true);
  viewOf(xstate).setBigUint64(512, layout.xcr0, true);
  const image = fpregsFromXstate(xstate, layout);
  assert.deepEqual([image.twd, image.cwd], [28, 0x0700]);
  assert.equal(image.xsave?.pkru.length, 2);
  assert.deepEqual(xstateFromFpregs(image, layout), xstate);
});

test('an image without xsave is x87 and SSE state in use', () => {
  const { xsave: _, ...fpregs } = goldenFpregs();
  const xstate = xstateFromFpregs(fpregs, amd);
  assert.equal(xstateBv(xstate), 3n);
  assert.deepEqual(fpregsFromXstate(xstate, amd).xmm_space, fpregs.xmm_space);
});

test('components that no image can hold are named, and refuse a dump', () => {
  const layout = xstateLayout(AVX512 | PKRU | AMX);
  assert.equal(layout.length, 2816 + 8192);
  const xstate = xstateFromFpregs(goldenFpregs(), layout);
  assert.deepEqual(unsavableXstate(xstate), []);
  viewOf(xstate).setBigUint64(512, 0xa2n | AMX | (1n << 40n), true);
  const names = ['AMX tile configuration', 'AMX tile data', 'xstate component 40'];
  assert.deepEqual(unsavableXstate(xstate), names);
  assert.throws(() => fpregsFromXstate(xstate, layout), {
    code: 'unsupported',
    message: `CPU state cannot be saved: ${names.join(', ')}`,
  });
});

test('state that this CPU has no place for is refused by name, unless it is initial', () => {
  const avxOnly = xstateLayout(7n);
  assert.throws(() => xstateFromFpregs(goldenFpregs(), avxOnly), {
    code: 'unsupported',
    message: 'this CPU or kernel lacks what the task uses: AVX-512 mask registers',
  });
  const fpregs = goldenFpregs();
  const xsave = { ...goldenXsave(), opmask_reg: new Array<bigint>(8).fill(0n) };
  xsave.hi16_zmm = new Array<bigint>(128).fill(0n);
  xsave.pkru = [0x5555_5554, 0];
  xsave.xstate_bv |= PKRU;
  assert.equal(xstateBv(xstateFromFpregs({ ...fpregs, xsave }, avxOnly)), 2n);
  xsave.pkru = [0x5555_5550, 0];
  assert.throws(() => xstateFromFpregs({ ...fpregs, xsave }, avxOnly), /protection key rights/);
  const tiles = { ...goldenXsave(), xstate_bv: AMX };
  assert.throws(() => xstateFromFpregs({ ...fpregs, xsave: tiles }, intel), /AMX tile conf/);
});

test('arrays of a wrong length are image errors', () => {
  const fpregs = goldenFpregs();
  const tooShort = { ...fpregs, st_space: fpregs.st_space.slice(1) };
  assert.throws(() => xstateFromFpregs(tooShort, amd), /st_space holds 31 values, not 32/);
  const xsave = { ...goldenXsave(), opmask_reg: new Array<bigint>(9).fill(0n) };
  assert.throws(() => xstateFromFpregs({ ...fpregs, xsave }, amd), {
    code: 'image',
    message: 'xsave.opmask_reg holds 9 values, 8 fit',
  });
});

function softwareBytes(fpstate: Uint8Array) {
  const view = viewOf(fpstate);
  return {
    magic1: view.getUint32(464, true),
    extendedSize: view.getUint32(468, true),
    xfeatures: view.getBigUint64(472, true),
    xstateSize: view.getUint32(480, true),
    magic2: view.getUint32(view.getUint32(480, true), true),
  };
}

test('the fpstate of a frame tells the kernel to restore all of it', () => {
  const xstate = xstateFromFpregs(goldenFpregs(), amd);
  const fpstate = encodeFpstate(xstate, amd);
  assert.equal(fpstate.length, 2436);
  assert.deepEqual(softwareBytes(fpstate), {
    magic1: 0x46505853,
    extendedSize: 2436,
    xfeatures: AVX512,
    xstateSize: 2432,
    magic2: 0x46505845,
  });
  assert.deepEqual(fpstate.subarray(512, 2432), xstate.subarray(512));
});

test('unused tile data is left out of a frame: it would not fit the buffer of the task', () => {
  const layout: XstateLayout = xstateLayout(AVX512 | PKRU | AMX);
  const xstate = xstateFromFpregs(goldenFpregs(), layout);
  const without = softwareBytes(encodeFpstate(xstate, layout));
  assert.equal(without.xfeatures, AVX512 | PKRU | 0x20000n);
  assert.equal(without.xstateSize, 2816);
  assert.equal(without.magic2, 0x46505845);
  viewOf(xstate).setBigUint64(512, AMX, true);
  assert.equal(softwareBytes(encodeFpstate(xstate, layout)).xstateSize, 2816 + 8192);
});

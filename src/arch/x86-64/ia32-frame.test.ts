import assert from 'node:assert/strict';
import { test } from 'node:test';
import { viewOf } from '../../support/bytes.js';
import { buildSigframe32, rt_sigframe32 } from './ia32-frame.js';
import { user_regs_struct } from './registers.js';
import { sigframeSize } from './sigframe.js';
import { encodeFpstate, xstateLayout } from './xstate.js';

const layout = xstateLayout(7n);
const ADDRESS = 0xfff0_0040;
/** Where the frame begins: behind what the vdso pops. */
const FRAME = 12;

/** Registers 0 and 2 of the x87 stack are in use. */
function xstateInUse(): Uint8Array {
  const xstate = new Uint8Array(layout.length).map((_, i) => (i < 416 ? i % 251 : 0));
  const view = viewOf(xstate);
  view.setBigUint64(464, 7n, true);
  view.setUint16(0, 0x0c7f, true);
  view.setUint16(2, 0x3801, true);
  view.setUint16(4, 0b101, true);
  view.setUint16(6, 0x123, true);
  view.setBigUint64(8, 0x8049_0001n, true);
  view.setBigUint64(16, 0x8050_0002n, true);
  view.setBigUint64(512, 7n, true);
  return xstate;
}

const frameOf = (xstate: Uint8Array, address = ADDRESS) =>
  buildSigframe32({
    ...{ address, xstate, layout, sigmask: 0x8000_0001_0000_0002n, restorer: 0xf7f1_c5f0 },
    regs: { ...user_regs_struct.decode(new Uint8Array(27 * 8).map((_, i) => i)), cs: 0x23n },
    altstack: { ss_sp: 1, ss_flags: 2, ss_size: 3 },
  });

test('a frame of 32-bit code holds what it was given, where the kernel looks for it', () => {
  const xstate = xstateInUse();
  const { bytes, frameAddress, ucontextAddress } = frameOf(xstate);
  assert.equal(frameAddress, ADDRESS);
  assert.ok(bytes.length <= sigframeSize(xstate.length));
  const { pretcode, uc } = rt_sigframe32.decode(bytes.subarray(FRAME));
  assert.equal(pretcode, 0xf7f1_c5f0);
  assert.equal(ucontextAddress, ADDRESS + FRAME + 144);
  assert.deepEqual(uc.uc_stack, { ss_sp: 1, ss_flags: 2, ss_size: 3 });
  assert.deepEqual(uc.uc_sigmask, [2, 0x8000_0001]);
  const { cs, ip, sp, bx, gs, fpstate } = uc.uc_mcontext;
  const low = (byte: number): number =>
    viewOf(new Uint8Array(256).map((_, i) => i)).getUint32(byte, true);
  assert.deepEqual(
    { cs, ip, sp, bx, gs },
    { cs: 0x23, ip: low(128), sp: low(152), bx: low(40), gs: low(208) % 0x1_0000 },
  );
  // The kernel reads FXSAVE behind 112 bytes of FSAVE, and wants that aligned.
  const fxsave = fpstate + 112;
  assert.equal(fxsave % 64, 0);
  assert.deepEqual(bytes.subarray(fxsave - ADDRESS), encodeFpstate(xstate, layout));
});

test('the x87 part is as FSAVE writes it', () => {
  const xstate = xstateInUse();
  const { bytes } = frameOf(xstate);
  const { fpstate } = rt_sigframe32.decode(bytes.subarray(FRAME)).uc.uc_mcontext;
  const at = fpstate - ADDRESS;
  const view = viewOf(bytes);
  const words = [0, 4, 8, 12, 16, 20].map((offset) => view.getUint32(at + offset, true));
  // Tags: valid, empty, valid, and the others empty.
  const tags = 0xffff_0000 + 0b1111_1111_1100_1100;
  assert.deepEqual(words, [0xffff_0c7f, 0xffff_3801, tags, 0x8049_0001, 0x0123_0000, 0x8050_0002]);
  for (let i = 0; i < 8; i++) {
    const register = bytes.subarray(at + 28 + i * 10, at + 38 + i * 10);
    assert.deepEqual(register, xstate.subarray(32 + i * 16, 42 + i * 16), `st(${i})`);
  }
});

test('a frame that such code does not reach is a mistake', () => {
  assert.throws(() => frameOf(xstateInUse(), 0x1_0000_0000), /where that reaches/);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { viewOf } from '../../support/bytes.js';
import { user_regs_struct } from './registers.js';
import { buildSigframe, rt_sigframe, sigframeSize } from './sigframe.js';
import { encodeFpstate, xstateFromFpregs, xstateLayout } from './xstate.js';

const layout = xstateLayout(7n);
const xstate = new Uint8Array(layout.length).fill(0x5a, 0, 416);
const regs = user_regs_struct.decode(new Uint8Array(27 * 8).map((_, i) => i));

function frameAt(address: number) {
  const altstack = { ss_sp: 0x7000_0001, ss_flags: 0x8000_0000, ss_size: 0x4000 };
  const content = { address, regs, xstate, layout, sigmask: 0x8000_0000_0000_0001n, altstack };
  return buildSigframe({ ...content, restorer: 0x1234 });
}

for (const address of [0x7fff_0000_0000, 0x7fff_0000_0030]) {
  test(`a frame at 0x${address.toString(16)} holds what it was given`, () => {
    const { bytes, frameAddress, ucontextAddress } = frameAt(address);
    assert.equal(frameAddress, address);
    assert.equal(ucontextAddress, address + 8);
    assert.ok(bytes.length <= sigframeSize(xstate.length));
    const { pretcode, uc } = rt_sigframe.decode(bytes);
    assert.equal(pretcode, 0x1234);
    assert.equal(uc.uc_flags, 7n);
    assert.equal(uc.uc_sigmask, 0x8000_0000_0000_0001n);
    assert.equal(uc.uc_stack.ss_flags, 0x8000_0000);
    assert.equal(uc.uc_mcontext.ip, regs.ip);
    assert.equal(uc.uc_mcontext.cs, Number(regs.cs & 0xffffn));
    const { fpstate } = uc.uc_mcontext;
    assert.equal(fpstate % 64, 0);
    const found = bytes.subarray(fpstate - address);
    assert.deepEqual(found, encodeFpstate(xstate, layout));
  });
}

test('the fields lie where the kernel looks for them', () => {
  const { bytes } = frameAt(0x10000);
  const view = viewOf(bytes);
  // frame + 8: ucontext; + 40: sigcontext; its rip is word 16, its mask follows at ucontext + 296.
  assert.equal(view.getBigUint64(8 + 40 + 16 * 8, true), regs.ip);
  assert.equal(view.getBigUint64(8 + 16, true), 0x7000_0001n);
  assert.equal(view.getBigUint64(8 + 296, true), 0x8000_0000_0000_0001n);
});

test('a frame that is not aligned is a bug', () => {
  assert.throws(() => frameAt(0x10008), /0x10008 is not aligned/);
});

test('an xstate without header has no frame', () => {
  const short = new Uint8Array(512);
  assert.throws(() => encodeFpstate(short, layout), /512 bytes has no header/);
  assert.throws(() => xstateFromFpregs({ st_space: [] } as never, layout), /st_space/);
});

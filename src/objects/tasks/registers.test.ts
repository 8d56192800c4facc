import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  type Answer,
  fakePort,
  goldenCore,
  inspectState,
  rebuildState,
  stepsOf,
  subject,
} from '../../../test/support/task-states.js';
import { type Registers, rseq_cs, user_regs_struct, xstateLayout } from '../../arch/arch.js';
import { processVmReadv } from '../../linux/syscalls/memory.js';
import { iovec } from '../../linux/uapi/mman.js';
import { user_desc } from '../../linux/uapi/prctl.js';
import { defined } from '../../support/assert.js';
import { concat, toWord, u32Bytes, u64Bytes } from '../../support/bytes.js';
import { fpu, xstateOf } from './fpu.js';
import { registers } from './registers.js';
import { rseq } from './rseq.js';
import { descriptorsOf, segments } from './segments.js';
import { robustList, tidAddress } from './thread-addresses.js';

const golden = goldenCore('tasks', 11073);
const info = defined(golden.thread_info, 'the golden core has registers');
/** pause(2), interrupted: -ERESTARTNOHAND behind the system call instruction. */
const stopped: Registers = { ...info.gpregs, ax: toWord(-514), ip: info.gpregs.ip + 2n };
const AREA = 0x5000;
const SECTION = 0x7000;

/** A kernel through which the task's memory is read. */
const portWith = (memory: Readonly<Record<number, Uint8Array>>) => {
  const port = fakePort({
    calls: {
      [processVmReadv.name]: (_, { local_iov, remote_iov }) => {
        const to = iovec.decode(local_iov as Uint8Array);
        const bytes = memory[iovec.decode(remote_iov as Uint8Array).iov_base];
        if (bytes === undefined) return -14;
        port.memory.places.get(to.iov_base)?.set(bytes);
        return bytes.length;
      },
    },
  });
  return port;
};

test('registers become those of the golden image, the interrupted call issued again', () => {
  const patch = inspectState(registers, subject({ regs: stopped }));
  assert.deepEqual(patch.thread_info?.gpregs, { ...info.gpregs, restart: 514 });
});

test('a thread inside a critical section resumes at its abort handler', () => {
  const inside = { ...stopped, orig_ax: toWord(-1), ax: 5n, ip: 0x4010n };
  const section = rseq_cs.encode({
    start_ip: 0x4000n,
    post_commit_offset: 0x20n,
    abort_ip: 0x9000n,
  });
  const who = subject({
    regs: inside,
    rseq: { pointer: AREA, size: 32, signature: 1, flags: 0 },
  });
  const ipOf = (pointer: bigint) =>
    inspectState(registers, who, {
      port: portWith({ [AREA + 8]: u64Bytes(pointer), [SECTION]: section }),
    }).thread_info?.gpregs?.ip;
  assert.equal(ipOf(BigInt(SECTION)), 0x9000n);
  assert.equal(ipOf(0n), 0x4010n);
  assert.throws(() => ipOf(0x666n), /critical section at 0x666 cannot be read/);
});

test('of 32-bit code an image has what such code sees', () => {
  // pause(2) is 29 there.
  const regs = { ...stopped, cs: 0x23n, r8: 7n, gs: 0x63n, gs_base: 0xf7f0_0000n, orig_ax: 29n };
  const patch = inspectState(registers, subject({ regs }, { is32Bit: true }));
  const { gpregs } = defined(patch.thread_info, 'thread_info');
  assert.deepEqual(
    { mode: gpregs?.mode, ax: gpregs?.ax, r8: gpregs?.r8, gs: gpregs?.gs, base: gpregs?.gs_base },
    { mode: 2, ax: 29n, r8: 0n, gs: 0x63n, base: 0n },
  );
  assert.equal(gpregs?.ip, BigInt.asUintN(32, stopped.ip) - 2n);
});

test('a thread that runs other code than its program is refused by name', () => {
  const inNative = subject({ regs: { ...stopped, cs: 0x23n } });
  assert.throws(() => inspectState(registers, inNative), /32-bit code in a 64-bit program/);
  const inNarrow = subject({ regs: stopped }, { is32Bit: true });
  assert.throws(() => inspectState(registers, inNarrow), /64-bit code in a 32-bit program/);
});

/** The golden core, as one of 32-bit code, with a segment for gs. */
function core32(gpregs: Partial<typeof info.gpregs> = {}) {
  const desc = {
    ...{ entry_number: 12, base_addr: 0xf7f1_5540, limit: 0xf_ffff, seg_32bit: true },
    ...{ contents_h: false, contents_l: false, read_exec_only: false, limit_in_pages: true },
    ...{ seg_not_present: false, usable: true },
  };
  const own = { ...info.gpregs, mode: 2, cs: 0x23n, gs: 0x63n, fs: 0n, ...gpregs };
  return { ...golden, thread_info: { ...info, gpregs: own, tls: [desc] } };
}

test('32-bit code gets its registers, and the base of gs from the segment', () => {
  const core = core32({ ax: 29n, ip: 0xf7f1_c5e7n, restart: 514 });
  const final = defined(rebuildState(registers, { core }).task.final, 'final state');
  const { cs, ax, ip, fs_base, gs_base } = user_regs_struct.decode(final.regs);
  assert.deepEqual(
    { cs, ax, ip, fs_base, gs_base },
    { cs: 0x23n, ax: toWord(-514), ip: 0xf7f1_c5e9n, fs_base: 0n, gs_base: 0xf7f1_5540n },
  );
  assert.throws(() => rebuildState(registers, { core: core32({ cs: 0x33n }) }), /segment is 0x33/);
  const native = { ...golden, thread_info: { ...info, gpregs: { ...info.gpregs, cs: 0x23n } } };
  assert.throws(() => rebuildState(registers, { core: native }), /segment is 0x23/);
});

test('a call that was interrupted is left to the kernel, which issues it again or says EINTR', () => {
  const finalOf = (restart: number) => {
    const gpregs = { ...info.gpregs, restart };
    const core = { ...golden, thread_info: { ...info, gpregs } };
    return defined(rebuildState(registers, { core }).task.final, 'final state');
  };
  const { ax, ip, orig_ax } = user_regs_struct.decode(finalOf(514).regs);
  assert.deepEqual({ ax, ip, orig_ax }, { ax: toWord(-514), ip: stopped.ip, orig_ax: 34n });
  assert.throws(() => finalOf(516), /516 is said to be how a call was interrupted/);
});

test('the final state is that of the image, in no system call', () => {
  const { task } = rebuildState(registers, { core: golden });
  const final = defined(task.final, 'final state');
  assert.deepEqual(user_regs_struct.decode(final.regs), {
    ...user_regs_struct.decode(user_regs_struct.encode(info.gpregs)),
    orig_ax: toWord(-1),
  });
  assert.equal(final.sigmask, golden.tc?.blk_sigset);
  assert.equal(final.xstate?.length, xstateLayout(0xe7n).length);
});

test('extended registers of the golden image survive a round trip', () => {
  const layout = xstateLayout(0xe7n);
  const xstate = defined(xstateOf(info.fpregs, layout), 'xstate');
  const patch = inspectState(fpu, subject({ xstate }));
  assert.deepEqual(patch.thread_info?.fpregs, info.fpregs);
});

test('a shadow stack in an image is refused', () => {
  const fpregs = structuredClone(defined(info.fpregs, 'fpregs'));
  defined(fpregs.xsave, 'xsave').cet = { cet: 1n, ssp: 0x1000n };
  assert.throws(() => xstateOf(fpregs, xstateLayout(0xe7n)), /shadow stack/);
});

test('rseq is registered again as it was', () => {
  const entry = defined(golden.thread_core?.rseq_entry, 'rseq');
  const { rseq_abi_pointer: pointer, rseq_abi_size: size, signature } = entry;
  const patch = inspectState(rseq, subject({ rseq: { pointer, size, signature, flags: 0 } }));
  assert.deepEqual(patch.thread_core?.rseq_entry, entry);
  assert.deepEqual(inspectState(rseq, subject()), {});
  assert.deepEqual(stepsOf(rseq, { core: golden }), [
    'threads:',
    'rseq(0xb968ce0, 32, 0x0, 0x53053053)',
  ]);
  const odd = subject({ rseq: { pointer, size, signature, flags: 1 } });
  assert.throws(() => inspectState(rseq, odd), /rseq flags 0x1/);
});

test('32-bit code has a robust list of its own, asked and set by its own calls', () => {
  const answer: Answer = ({ ia32 }) => {
    assert.equal(ia32, true);
    return [0, concat([u32Bytes(0xf7f1_55ac), u32Bytes(12)])];
  };
  const who = subject({ robustList: { head: 0, length: 24 } }, { is32Bit: true });
  assert.deepEqual(inspectState(robustList, who, { answer }), {
    thread_core: { futex_rla: 0xf7f1_55ac, futex_rla_len: 12 },
  });
  const thread_core = { ...defined(golden.thread_core, ''), futex_rla: 0xf7f1_55ac };
  const core = { ...core32(), thread_core: { ...thread_core, futex_rla_len: 12 } };
  assert.deepEqual(stepsOf(robustList, { core }), [
    'threads:',
    'set_robust_list (ia32)(0xf7f155ac, 12)',
  ]);
});

test('the tid address and the robust list go where they were', () => {
  const address = inspectState(tidAddress, subject(), {
    answer: () => [0, u64Bytes(info.clear_tid_addr)],
  });
  assert.equal(address.thread_info?.clear_tid_addr, info.clear_tid_addr);
  assert.throws(() => inspectState(tidAddress, subject(), { answer: () => -22 }), /EINVAL/);
  const { futex_rla: head = 0 } = golden.thread_core ?? {};
  const list = inspectState(robustList, subject({ robustList: { head, length: 24 } }));
  assert.deepEqual(list.thread_core, { futex_rla: head, futex_rla_len: 24 });
  assert.deepEqual(stepsOf(tidAddress, { core: golden, vpid: 11073 }), [
    'threads:',
    'set_tid_address(0xb968690) = must be 11073',
  ]);
  assert.deepEqual(stepsOf(robustList, { core: golden }), [
    'threads:',
    'set_robust_list(0xb9686a0, 24)',
  ]);
});

test('segment descriptors are empty as in the golden image, and come back as they were; an LDT is refused', () => {
  assert.deepEqual(inspectState(segments, subject()).thread_info?.tls, info.tls);
  const port = fakePort({
    calls: {
      ptrace: (_, { addr, data }) => {
        const { address } = data as { address: number };
        port.memory.places.get(address)?.set(addr === 13 ? flat : empty(Number(addr)));
        return 0;
      },
    },
  });
  const empty = (entry_number: number) =>
    user_desc.encode({ entry_number, base_addr: 0, limit: 0, flags: 0x28 });
  // As glibc sets it for a 32-bit thread.
  const flat = user_desc.encode({
    entry_number: 13,
    base_addr: 0xf7d0_0740,
    limit: 0xf_ffff,
    flags: 0x51,
  });
  const { thread_info } = inspectState(segments, subject(), { port });
  assert.deepEqual(thread_info?.tls?.[1], {
    ...{ entry_number: 13, base_addr: 0xf7d0_0740, limit: 0xf_ffff, seg_32bit: true },
    ...{ contents_h: false, contents_l: false, read_exec_only: false, limit_in_pages: true },
    ...{ seg_not_present: false, usable: true },
  });
  const core = { ...golden, thread_info: { ...info, tls: thread_info?.tls ?? [] } };
  assert.deepEqual(descriptorsOf(core), [flat]);
  assert.deepEqual(descriptorsOf(golden), []);
  const tls = core.thread_info.tls.map((one) => ({ ...one, entry_number: 6 }));
  assert.throws(
    () => descriptorsOf({ thread_info: { ...info, tls } }),
    /no thread-local segment 6/,
  );
  assert.throws(() => inspectState(segments, subject(), { answer: () => 8 }), /LDT/);
});

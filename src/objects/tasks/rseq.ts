/** Restartable sequences: the registered area, and the critical section that a thread was stopped in. rseq(2). */
import { type RseqCs, rseq_cs } from '../../arch/arch.js';
import type { RseqConfiguration } from '../../checkpoint/views.js';
import { rseq as rseqCall } from '../../linux/syscalls/tasks.js';
import { getU64, viewOf } from '../../support/bytes.js';
import { refused, unsupported } from '../../support/errors.js';
import { defineTaskState } from '../kinds.js';
import type { DumpPort } from '../ports.js';
import { readTask } from './common.js';

/** Of struct rseq: the address of the critical section, 0 outside of one. */
const RSEQ_CS_OFFSET = 8;

/**
 * An rseq_cs that the image recorded apart is left alone: it matters only while ip is inside, and who dumps has moved
 * ip to the abort handler by then, as the kernel does on preemption.
 */
export const rseq = defineTaskState({
  name: 'restartable sequences',
  scope: 'thread',
  requires: ['get_rseq_conf'],
  inspect: ({ thread: { rseq } }) => {
    if (rseq.pointer === 0) return {};
    if (rseq.flags !== 0) {
      throw unsupported(`rseq flags 0x${rseq.flags.toString(16)} are not supported`);
    }
    return {
      thread_core: {
        rseq_entry: {
          rseq_abi_pointer: rseq.pointer,
          rseq_abi_size: rseq.size,
          signature: rseq.signature,
        },
      },
    };
  },
  rebuild({ core, track }) {
    const entry = core.thread_core?.rseq_entry;
    if (!entry?.rseq_abi_pointer) return;
    track.at('threads').call(rseqCall, {
      rseq: entry.rseq_abi_pointer,
      rseq_len: entry.rseq_abi_size,
      flags: 0,
      sig: entry.signature,
    });
  },
});

/**
 * The critical section that a frozen thread has announced, if any. Before anything else runs in the thread: the
 * kernel clears the announcement once it runs outside of the section.
 */
export function readCriticalSection(
  port: DumpPort,
  pid: number,
  { pointer }: RseqConfiguration,
): RseqCs | undefined {
  if (pointer === 0) return undefined;
  const area = readTask(port, pid, { address: pointer + RSEQ_CS_OFFSET, length: 8 });
  if (area === undefined) {
    throw refused(`its rseq area at 0x${pointer.toString(16)} cannot be read`);
  }
  const address = getU64(viewOf(area), 0);
  if (address === 0) return undefined;
  const section = readTask(port, pid, { address, length: rseq_cs.size });
  if (section === undefined) {
    throw refused(`its rseq critical section at 0x${address.toString(16)} cannot be read`);
  }
  return rseq_cs.decode(section);
}

/**
 * Restartable sequences (uapi/linux/rseq.h): a task saved in the middle of a critical section resumes at its abort
 * handler, as if it had been preempted, which a signal or a move to another CPU does to it at any time.
 */
import { type StructValue, struct, u32, u64 } from '../../linux/struct.js';
import type { Registers } from './registers.js';

/** A critical section: struct rseq.rseq_cs points at one while a task may be inside. */
export const rseq_cs = struct(
  'rseq_cs',
  { version: u32, flags: u32, start_ip: u64, post_commit_offset: u64, abort_ip: u64 },
  { size: 32 },
);
export type RseqCs = StructValue<typeof rseq_cs>;

/**
 * The ip to resume at when the task is inside `section`, else undefined. The caller also sets the task's
 * rseq.rseq_cs to 0, as the kernel does when it aborts.
 */
export function abortRseq(
  regs: Pick<Registers, 'ip'>,
  section: Pick<RseqCs, 'start_ip' | 'post_commit_offset' | 'abort_ip'>,
): bigint | undefined {
  const inside = BigInt.asUintN(64, regs.ip - section.start_ip) < section.post_commit_offset;
  return inside ? section.abort_ip : undefined;
}

/** Each thread's alternate signal stack. sigaltstack(2). */
import { SS_DISABLE, SS_ONSTACK, type StackT, stack_t } from '../../linux/signal.js';
import { sigaltstack } from '../../linux/syscalls/tasks.js';
import { toNumber } from '../../support/bytes.js';
import { defineTaskState } from '../kinds.js';
import { answer } from './common.js';

export const signalStack = defineTaskState<undefined, StackT>({
  name: 'alternate signal stack',
  scope: 'thread',
  probe(tape) {
    const old_ss = tape.reserve(stack_t.size);
    const asked = tape.call(sigaltstack, { ss: 0, old_ss });
    return () => {
      answer(asked.result(), 'sigaltstack');
      return stack_t.decode(old_ss.read());
    };
  },
  inspect: ({ probed: { ss_sp, ss_size, ss_flags } }) => ({
    thread_core: {
      sas: { ss_sp: toNumber(ss_sp), ss_size: toNumber(ss_size), ss_flags: settable(ss_flags) },
    },
  }),
  rebuild({ core, track }) {
    const sas = core.thread_core?.sas;
    if (sas === undefined || (sas.ss_flags & SS_DISABLE) !== 0) return;
    const ss = stack_t.encode({
      ss_sp: BigInt(sas.ss_sp),
      ss_size: BigInt(sas.ss_size),
      ss_flags: settable(sas.ss_flags),
    });
    track.at('threads').call(sigaltstack, { ss, old_ss: 0 });
  },
});

/** SS_ONSTACK says where the stack pointer was when asked; it is not a state, and cannot be set. */
const settable = (flags: number): number => (flags & ~SS_ONSTACK) >>> 0;

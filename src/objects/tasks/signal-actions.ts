/** What each of the 62 signals that can have an action does. sigaction(2). */
import type { sa_entry } from '../../images/messages/sa.js';
import type { MessageValue } from '../../images/schema.js';
import {
  _NSIG,
  SIG_DFL,
  SIGCHLD,
  SIGKILL,
  SIGSTOP,
  type Sigaction,
  sigaction,
  sigaction32,
  signalName,
} from '../../linux/signal.js';
import { rtSigaction32 } from '../../linux/syscalls/ia32.js';
import { rtSigaction } from '../../linux/syscalls/tasks.js';
import type { Track } from '../../plan/track.js';
import { splitWord, toNumber } from '../../support/bytes.js';
import { imageError } from '../../support/errors.js';
import { defineTaskState } from '../kinds.js';
import { answer } from './common.js';

const SIGSET_SIZE = 8;
/** In the order of the images: all but the two that cannot be caught. */
export const ACTION_SIGNALS = Array.from({ length: _NSIG }, (_, i) => i + 1).filter(
  (signal) => signal !== SIGKILL && signal !== SIGSTOP,
);

type Entry = MessageValue<typeof sa_entry>;

export const signalActions = defineTaskState<undefined, Sigaction[]>({
  name: 'signal actions',
  scope: 'process',
  table: 'sighand_id',
  probe(tape) {
    const asked = ACTION_SIGNALS.map((signum) => {
      const oldact = tape.reserve(sigaction.size);
      const call = tape.call(rtSigaction, { signum, act: 0, oldact, sigsetsize: SIGSET_SIZE });
      return { oldact, call };
    });
    return () =>
      asked.map(({ oldact, call }) => {
        answer(call.result(), 'rt_sigaction');
        return sigaction.decode(oldact.read());
      });
  },
  inspect: ({ process: { is32Bit }, probed }) => ({
    tc: {
      sigactions: probed.map((action) => ({ ...toEntry(action), compat_sigaction: is32Bit })),
    },
  }),
  rebuild({ core, track }) {
    const actions = core.tc?.sigactions ?? [];
    if (actions.length !== ACTION_SIGNALS.length) {
      throw imageError(`the image has ${actions.length} signal actions, not 62`);
    }
    // Zombies end in the stage 'ends', and vanish if their parent ignores SIGCHLD; which a puppet may have inherited.
    setAction(track.at('task state'), SIGCHLD, sigaction.encode({}));
    // To set the default action discards a SIGCHLD that the end of a helper or zombie left: no part of the saved state.
    setAction(track.at('threads'), SIGCHLD, sigaction.encode({ sa_handler: SIG_DFL }));
    actions.forEach((entry, i) => {
      const signal = ACTION_SIGNALS[i];
      if (signal !== undefined) setSaved(track, signal, entry);
    });
  },
});

const toEntry = ({ sa_handler, sa_flags, sa_restorer, sa_mask }: Sigaction): Entry => ({
  sigaction: sa_handler,
  flags: sa_flags,
  restorer: sa_restorer,
  mask: sa_mask,
});

/** Whoever sets an action decides by its system call which frames the kernel builds for the handler. */
function setSaved(track: Track, signum: number, entry: Entry): void {
  const { sigaction: sa_handler, flags: sa_flags, restorer: sa_restorer, mask: sa_mask } = entry;
  if (!entry.compat_sigaction) {
    setAction(track, signum, sigaction.encode({ sa_handler, sa_flags, sa_restorer, sa_mask }));
    return;
  }
  const { low, high } = splitWord(sa_mask);
  const narrow = (word: bigint): number => {
    if (word <= LAST_WORD_32) return toNumber(word);
    throw imageError(`${signalName(signum)} has 0x${word.toString(16)}, beyond 32-bit code`);
  };
  const act = sigaction32.encode({
    ...{ sa_handler: narrow(sa_handler), sa_flags: narrow(sa_flags) },
    ...{ sa_restorer: narrow(sa_restorer), sa_mask_low: low, sa_mask_high: high },
  });
  track.call(rtSigaction32, { signum, act, oldact: 0, sigsetsize: SIGSET_SIZE });
}

const LAST_WORD_32 = 0xffff_ffffn;

function setAction(track: Track, signum: number, act: Uint8Array): void {
  track.call(rtSigaction, { signum, act, oldact: 0, sigsetsize: SIGSET_SIZE });
}

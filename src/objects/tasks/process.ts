/** What a process is beside its parts: its state, the kernel's flags for it, the timers it must not have. */
import type { Stat } from '../../linux/procfs/stat.js';
import { SIGCHLD } from '../../linux/signal.js';
import { unsupported } from '../../support/errors.js';
import { defineTaskState } from '../kinds.js';

/** task_state of the images. */
export const TASK_ALIVE = 1;
export const TASK_STOPPED = 6;

export const process = defineTaskState({
  name: 'process state',
  scope: 'process',
  inspect({ process: { stat } }) {
    if (stat.state === 'T') throw stopped();
    return {
      tc: {
        task_state: TASK_ALIVE,
        exit_code: 0,
        flags: stat.flags,
        ...exitSignalOf(stat),
      },
    };
  },
  rebuild({ core }) {
    if (core.tc?.task_state === TASK_STOPPED) throw stopped();
  },
});

/** clone(2) with another signal than SIGCHLD, for which wait(2) needs __WALL or __WCLONE. */
export const exitSignalOf = ({ exit_signal }: Pick<Stat, 'exit_signal'>) =>
  exit_signal === SIGCHLD || exit_signal < 0 ? {} : { exit_signal };

const stopped = () =>
  unsupported('the process is stopped', { remedy: 'continue it first: kill -CONT PID' });

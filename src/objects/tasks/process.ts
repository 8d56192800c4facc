/** What a process is beside its parts: its state, the kernel's flags for it, the timers it must not have. */
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
    return { tc: { task_state: TASK_ALIVE, exit_code: 0, flags: stat.flags } };
  },
  rebuild({ core }) {
    if (core.tc?.task_state === TASK_STOPPED) throw stopped();
  },
});

const stopped = () =>
  unsupported('the process is stopped', { remedy: 'continue it first: kill -CONT PID' });

/** task_core_entry.task_state: what a process is doing. Numbers are of the image format. */
import type { core_entry } from './messages/core.js';
import type { MessageValue } from './schema.js';

export const TASK_ALIVE = 1;
/** It has ended, and nobody has waited for it yet. */
export const TASK_DEAD = 2;
/** CRIU writes it for stopped tasks, and names it 'Zombie' when it decodes images. */
export const TASK_STOPPED = 3;
/** What decoders of the format call stopped. */
const TASK_STOPPED_TOO = 6;

type Core = MessageValue<typeof core_entry>;
export type TaskLife = 'alive' | 'stopped' | 'ended';

/** Whatever number a zombie has, it has no thread any more. */
export function taskLife(core: Core | undefined): TaskLife {
  const state = core?.tc?.task_state ?? TASK_ALIVE;
  if (state === TASK_DEAD) return 'ended';
  if (state !== TASK_STOPPED && state !== TASK_STOPPED_TOO) return 'alive';
  return core?.thread_core === undefined ? 'ended' : 'stopped';
}

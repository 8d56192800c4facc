/** Which code the threads of an image run: 64-bit, or 32-bit under IA32 emulation. */
import { IMAGES } from '../../images/catalogue.js';
import type { ImageSet } from '../../images/directory.js';
import { user_x86_regs_mode } from '../../images/messages/core-x86.js';
import type { CoreEntry } from '../rebuild-context.js';

/** Whether the thread of this core runs 32-bit code. */
export const is32BitCore = ({ thread_info }: Pick<CoreEntry, 'thread_info'>): boolean =>
  thread_info?.gpregs.mode === user_x86_regs_mode.COMPAT;

/** Whether the process runs 32-bit code: its leader, or, when that has ended, the others. */
export const is32BitProcess = ({
  threads,
}: {
  threads: readonly { core: Pick<CoreEntry, 'thread_info'> }[];
}): boolean => threads.some(({ core }) => is32BitCore(core));

/** Whether any process of a checkpoint does. */
export const has32BitCode = (images: ImageSet): boolean =>
  images.ids(IMAGES.CORE).some((id) => is32BitCore(images.require(IMAGES.CORE, id)));

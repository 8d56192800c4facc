/** Extended registers: x87, SSE, AVX, AVX-512, protection keys. AMX and shadow stacks are refused. */
import { fpregsFromXstate, type XstateLayout, xstateFromFpregs } from '../../arch/arch.js';
import type { user_x86_fpregs_entry } from '../../images/messages/core-x86.js';
import type { MessageValue } from '../../images/schema.js';
import { unsupported } from '../../support/errors.js';
import { defineTaskState } from '../kinds.js';

type Fpregs = MessageValue<typeof user_x86_fpregs_entry>;

export const fpu = defineTaskState<XstateLayout>({
  name: 'extended registers',
  scope: 'thread',
  observe: (port) => port.xstateLayout,
  inspect: ({ thread, seen }) => ({
    thread_info: { fpregs: fpregsFromXstate(thread.xstate, seen) },
  }),
});

/** NT_X86_XSTATE bytes for this CPU; undefined leaves the initial state. */
export function xstateOf(fpregs: Fpregs | undefined, layout: XstateLayout): Uint8Array | undefined {
  if (fpregs === undefined) return undefined;
  const { xsave, ...legacy } = fpregs;
  if (xsave === undefined) return xstateFromFpregs(legacy, layout);
  const { cet, ...components } = xsave;
  if (cet !== undefined && cet.cet !== 0n) {
    throw unsupported('the thread has a shadow stack', {
      remedy: 'dump it again with shadow stacks off: GLIBC_TUNABLES=glibc.cpu.x86_shstk=off',
    });
  }
  return xstateFromFpregs({ ...legacy, xsave: components }, layout);
}

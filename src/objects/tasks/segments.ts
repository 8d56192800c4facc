/**
 * Segment descriptors: three thread-local ones in the GDT, which only 32-bit system calls can set, and the LDT. Images
 * have a place for the first; a thread that uses either is refused. set_thread_area(2), modify_ldt(2).
 */
import type { user_desc_t } from '../../images/messages/core-x86.js';
import type { MessageValue } from '../../images/schema.js';
import { modifyLdt, ptrace } from '../../linux/syscalls/tasks.js';
import { user_desc } from '../../linux/uapi/prctl.js';
import { PTRACE_GET_THREAD_AREA } from '../../linux/uapi/ptrace.js';
import { unsupported } from '../../support/errors.js';
import { defineTaskState } from '../kinds.js';

type Descriptor = MessageValue<typeof user_desc_t>;

/** arch/x86/include/asm/segment.h, GDT_ENTRY_TLS_MIN to _MAX. */
const TLS_ENTRIES = [12, 13, 14];
const LDT_ENTRY_SIZE = 8;
const SEG_NOT_PRESENT = 1 << 5;
const USEABLE = 1 << 6;

const REMEDY = 'segment descriptors serve 16- and 32-bit code, which is not supported';

const empty = (entry_number: number): Descriptor => ({
  entry_number,
  base_addr: 0,
  limit: 0,
  seg_32bit: false,
  contents_h: false,
  contents_l: false,
  read_exec_only: true,
  limit_in_pages: false,
  seg_not_present: true,
  usable: false,
});

export const segments = defineTaskState<number[], number>({
  name: 'segment descriptors',
  scope: 'thread',
  /** The GDT entries in use. */
  observe(port, { thread }) {
    using scope = port.scope();
    const place = scope.alloc(user_desc.size);
    return TLS_ENTRIES.filter((entry) => {
      const result = port.attempt(ptrace, {
        request: PTRACE_GET_THREAD_AREA,
        pid: thread.tid,
        addr: entry,
        data: place,
      });
      // EIO: a kernel without 32-bit system calls, on which no entry can be set.
      if (result < 0) return false;
      const { flags } = user_desc.decode(place.bytes);
      return (flags & SEG_NOT_PRESENT) === 0 || (flags & USEABLE) !== 0;
    });
  },
  probe(tape) {
    const place = tape.reserve(LDT_ENTRY_SIZE);
    const asked = tape.call(modifyLdt, { func: 0, ptr: place, bytecount: LDT_ENTRY_SIZE });
    return () => asked.result();
  },
  inspect({ seen, probed }) {
    if (seen.length > 0) {
      throw unsupported(`thread-local segment ${seen.join(', ')} is set`, { remedy: REMEDY });
    }
    if (probed > 0) throw unsupported('the process has an LDT', { remedy: REMEDY });
    return { thread_info: { tls: TLS_ENTRIES.map(empty) } };
  },
  rebuild({ core }) {
    for (const { entry_number, seg_not_present, usable } of core.thread_info?.tls ?? []) {
      if (seg_not_present && !usable) continue;
      throw unsupported(`thread-local segment ${entry_number} is set`, { remedy: REMEDY });
    }
  },
});

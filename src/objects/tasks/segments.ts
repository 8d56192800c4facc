/**
 * Segment descriptors: three thread-local ones in the GDT, which 32-bit system calls set, and the LDT. Images have a place
 * for the first; a process that uses the other is refused. set_thread_area(2), modify_ldt(2).
 */
import type { user_desc_t } from '../../images/messages/core-x86.js';
import type { MessageValue } from '../../images/schema.js';
import type { StructValue } from '../../linux/struct.js';
import { modifyLdt, ptrace } from '../../linux/syscalls/tasks.js';
import {
  USER_DESC_CONTENTS_HIGH,
  USER_DESC_CONTENTS_LOW,
  USER_DESC_LIMIT_IN_PAGES,
  USER_DESC_READ_EXEC_ONLY,
  USER_DESC_SEG_32BIT,
  USER_DESC_SEG_NOT_PRESENT,
  USER_DESC_USEABLE,
  user_desc,
} from '../../linux/uapi/prctl.js';
import { PTRACE_GET_THREAD_AREA } from '../../linux/uapi/ptrace.js';
import { imageError, unsupported } from '../../support/errors.js';
import { defineTaskState } from '../kinds.js';
import type { CoreEntry } from '../rebuild-context.js';

type Descriptor = MessageValue<typeof user_desc_t>;
type UserDesc = StructValue<typeof user_desc>;

/** arch/x86/include/asm/segment.h, GDT_ENTRY_TLS_MIN to _MAX. */
const TLS_ENTRIES = [12, 13, 14];
const LDT_ENTRY_SIZE = 8;

const FLAGS = {
  seg_32bit: USER_DESC_SEG_32BIT,
  contents_h: USER_DESC_CONTENTS_HIGH,
  contents_l: USER_DESC_CONTENTS_LOW,
  read_exec_only: USER_DESC_READ_EXEC_ONLY,
  limit_in_pages: USER_DESC_LIMIT_IN_PAGES,
  seg_not_present: USER_DESC_SEG_NOT_PRESENT,
  usable: USER_DESC_USEABLE,
} as const;
type FlagName = keyof typeof FLAGS;
const FLAG_NAMES = Object.keys(FLAGS) as FlagName[];

/** What set_thread_area(2) takes to clear an entry, and an entry shows that was never set. */
const EMPTY_FLAGS = USER_DESC_READ_EXEC_ONLY | USER_DESC_SEG_NOT_PRESENT;
const isEmpty = ({ base_addr, limit, flags }: Omit<UserDesc, 'entry_number'>): boolean =>
  base_addr === 0 && limit === 0 && flags === EMPTY_FLAGS;

export const segments = defineTaskState<UserDesc[], number>({
  name: 'segment descriptors',
  scope: 'thread',
  observe(port, { thread }) {
    using scope = port.scope();
    const place = scope.alloc(user_desc.size);
    return TLS_ENTRIES.map((entry_number) => {
      const request = { request: PTRACE_GET_THREAD_AREA, pid: thread.tid, addr: entry_number };
      // EIO: a kernel without 32-bit system calls, on which no entry can be set.
      const result = port.attempt(ptrace, { ...request, data: place });
      if (result >= 0) return user_desc.decode(place.bytes);
      return { entry_number, base_addr: 0, limit: 0, flags: EMPTY_FLAGS };
    });
  },
  probe(tape) {
    const place = tape.reserve(LDT_ENTRY_SIZE);
    const asked = tape.call(modifyLdt, { func: 0, ptr: place, bytecount: LDT_ENTRY_SIZE });
    return () => asked.result();
  },
  inspect({ seen, probed }) {
    if (probed > 0) {
      throw unsupported('the process has an LDT', {
        remedy:
          'local descriptor tables serve 16-bit code (Wine, DOSEMU), and no image has a place',
      });
    }
    return { thread_info: { tls: seen.map(toEntry) } };
  },
});

function toEntry({ entry_number, base_addr, limit, flags }: UserDesc): Descriptor {
  const bits = Object.fromEntries(
    FLAG_NAMES.map((name) => [name, (flags & FLAGS[name]) !== 0]),
  ) as Record<FlagName, boolean>;
  return { entry_number, base_addr, limit, ...bits };
}

/** The thread's segments, as PTRACE_SET_THREAD_AREA takes them: those that a new thread does not have anyway. */
export function descriptorsOf({ thread_info }: Pick<CoreEntry, 'thread_info'>): Uint8Array[] {
  return (thread_info?.tls ?? [])
    .map(fromEntry)
    .filter((desc) => !isEmpty(desc))
    .map(checked);
}

function fromEntry(entry: Descriptor): UserDesc {
  const { entry_number, base_addr, limit } = entry;
  const flags = FLAG_NAMES.reduce((sum, name) => sum + (entry[name] ? FLAGS[name] : 0), 0);
  return { entry_number, base_addr, limit, flags };
}

function checked(desc: UserDesc): Uint8Array {
  if (!TLS_ENTRIES.includes(desc.entry_number)) {
    throw imageError(`there is no thread-local segment ${desc.entry_number}`);
  }
  return user_desc.encode(desc);
}

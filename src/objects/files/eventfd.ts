/**
 * eventfd(2): a 64-bit counter. fdinfo shows it, and whether it is a semaphore (Linux 6.7). initval is only 32 bits
 * wide, so the counter is written.
 */
import type { eventfd_file_entry } from '../../images/messages/eventfd.js';
import { fd_types } from '../../images/messages/fdinfo.js';
import type { MessageValue } from '../../images/schema.js';
import { eventfd2 } from '../../linux/syscalls/events.js';
import { write } from '../../linux/syscalls/files.js';
import { EFD_SEMAPHORE } from '../../linux/uapi/events.js';
import { u64Bytes } from '../../support/bytes.js';
import { unsupported } from '../../support/errors.js';
import { defineFileKind } from '../kinds.js';
import { commonFields, setFlags } from './anonymous.js';

type EventfdEntry = MessageValue<typeof eventfd_file_entry>;

/** Only the kernel itself counts up to it; poll(2) says POLLERR then. */
const OVERFLOWN = 0xffff_ffff_ffff_ffffn;

export const eventfd = defineFileKind<EventfdEntry>({
  name: 'eventfd',
  fdType: fd_types.EVENTFD,
  unionField: 'efd',
  recognize: [{ anonInode: '[eventfd]' }],
  inspect({ id, description }) {
    const { fdinfo } = description;
    const counter = fdinfo.hex64('eventfd-count');
    if (counter === OVERFLOWN) {
      throw unsupported('its counter has overflown, and no write brings that back', {
        remedy: 'read it before the checkpoint',
      });
    }
    const semaphore = fdinfo.flag('eventfd-semaphore');
    return {
      entry: { ...commonFields(id, description), counter, ...(semaphore && { semaphore }) },
    };
  },
  open({ entry: { flags, counter, semaphore, id }, process: { track } }) {
    const object = `eventfd ${id}`;
    const fd = track.newFd(
      eventfd2,
      { initval: 0, flags: semaphore ? EFD_SEMAPHORE : 0 },
      { object },
    );
    if (counter > 0n) {
      track.call(write, { fd, buf: u64Bytes(counter), count: 8 }, { object, mustEqual: 8 });
    }
    setFlags(track, fd, flags, object);
    return fd;
  },
});

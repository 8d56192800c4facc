/**
 * signalfd(2): a set of signals to read instead of handling them. It takes them from whoever reads; what is pending
 * belongs to the tasks.
 */
import { fd_types } from '../../images/messages/fdinfo.js';
import type { signalfd_entry } from '../../images/messages/signalfd.js';
import type { MessageValue } from '../../images/schema.js';
import { signalfd4 } from '../../linux/syscalls/events.js';
import { SIGSET_BYTES } from '../../linux/uapi/events.js';
import { u64Bytes } from '../../support/bytes.js';
import { defineFileKind } from '../kinds.js';
import { commonFields, setFlags } from './anonymous.js';

type SignalfdEntry = MessageValue<typeof signalfd_entry>;

export const signalfd = defineFileKind<SignalfdEntry>({
  name: 'signalfd',
  fdType: fd_types.SIGNALFD,
  unionField: 'sgfd',
  recognize: [{ anonInode: '[signalfd]' }],
  inspect({ id, description }) {
    const { fdinfo } = description;
    return { entry: { ...commonFields(id, description), sigmask: fdinfo.hex64('sigmask') } };
  },
  open({ entry: { flags, sigmask, id }, process: { track } }) {
    const object = `signalfd ${id}`;
    const mask = u64Bytes(sigmask);
    const fd = track.newFd(
      signalfd4,
      { fd: -1, mask, sizemask: SIGSET_BYTES, flags: 0 },
      { object },
    );
    setFlags(track, fd, flags, object);
    return fd;
  },
});

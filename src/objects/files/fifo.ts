/** FIFOs: a pipe with a name. fifo_entry names the pipe, a reg_file_entry of its own the file and the flags. */
import { IMAGES } from '../../images/catalogue.js';
import { fd_types } from '../../images/messages/fdinfo.js';
import type { fifo_entry } from '../../images/messages/fifo.js';
import type { MessageValue } from '../../images/schema.js';
import {
  O_ACCMODE,
  O_CLOEXEC,
  O_NONBLOCK,
  O_RDONLY,
  O_RDWR,
  S_IFIFO,
} from '../../linux/uapi/fcntl.js';
import { defined } from '../../support/assert.js';
import { imageError } from '../../support/errors.js';
import { type DescriptionView, defineFileKind } from '../kinds.js';
import type { FileRebuild, RegFileEntry } from '../rebuild-context.js';
import { DEFAULT_PIPE_BYTES } from './pipe-copy.js';
import { observeQueue, openable, type QueueSeen, queueEntry, setFlags } from './pipe-queue.js';
import { findQueue, refillQueue } from './pipe-refill.js';

type FifoEntry = MessageValue<typeof fifo_entry>;

const keyOf = ({ stat }: DescriptionView): string => `fifo ${stat.dev}:${stat.ino}`;

function nameOf(entry: FifoEntry, files: FileRebuild): RegFileEntry {
  if (entry.regf_id === undefined) {
    throw imageError(`the FIFO ${entry.id} has no file`, { object: 'files.img' });
  }
  return files.named(entry.regf_id);
}

export const fifo = defineFileKind<FifoEntry, QueueSeen>({
  name: 'FIFO',
  fdType: fd_types.FIFO,
  unionField: 'fifo',
  recognize: [{ fileType: S_IFIFO }],
  groupOf: keyOf,
  observe: observeQueue,
  inspect({ id, description, seen, ids }) {
    const { named, fdinfo, stat } = description;
    const file = defined(named, 'a FIFO without a name');
    const pipe_id = ids.pipeId(keyOf(description), stat.ino);
    const flags = fdinfo.flags & ~O_CLOEXEC;
    const regf_id = ids.addNamed(file, { flags, pos: 0n });
    const queue = queueEntry(pipe_id, seen);
    const key = keyOf(description);
    return {
      entry: { id, pipe_id, regf_id },
      resources: queue ? [{ image: IMAGES.FIFO_DATA, key, ...queue }] : [],
    };
  },
  resourceOf: ({ pipe_id }) => `fifo ${pipe_id}`,
  make({ entries, process, context, files }) {
    const names = entries.map((entry) => nameOf(entry, files));
    const [first] = names as [RegFileEntry];
    const { pipe_id } = entries[0] as FifoEntry;
    const queue = findQueue(context.images.entries(IMAGES.FIFO_DATA), pipe_id);
    // A reader that never had a writer must not see one come and go: poll(2) would tell it of a hang-up for ever.
    const onlyReaders = names.every(({ flags }) => (flags & O_ACCMODE) === O_RDONLY);
    const isEmpty = (queue?.value.bytes ?? 0) === 0;
    if (
      onlyReaders &&
      isEmpty &&
      (queue?.value.size ?? DEFAULT_PIPE_BYTES) === DEFAULT_PIPE_BYTES
    ) {
      return undefined;
    }
    const access = onlyReaders && isEmpty ? O_RDONLY | O_NONBLOCK : O_RDWR;
    // Open for both, so that no open waits; closed with the temporary descriptors.
    const fd = files.open(process, first, access);
    refillQueue(queue, { process, files, object: `FIFO '${first.name}'`, fd });
    return undefined;
  },
  open({ entry, process, files }) {
    const reg = nameOf(entry, files);
    const object = `FIFO '${reg.name}'`;
    const access = reg.flags & O_ACCMODE;
    const waits = access === O_RDONLY && (reg.flags & O_NONBLOCK) === 0;
    const flags = openable(waits ? reg.flags | O_NONBLOCK : reg.flags);
    const fd = files.open(process, reg, flags);
    if (flags !== reg.flags) setFlags(process.track, fd, { flags: reg.flags, object });
    return fd;
  },
});

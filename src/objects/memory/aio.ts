/**
 * Contexts of asynchronous I/O, io_setup(2), in a dump: each is known by the address of its ring, a mapping named
 * '/[aio]' that holds the completed events. fork(2) copies the mapping and not the context, which is not told apart.
 * Requests that have not completed are shown nowhere.
 */
import type { ProcessView } from '../../checkpoint/views.js';
import type { aio_ring_entry } from '../../images/messages/mm.js';
import type { MessageValue } from '../../images/schema.js';
import type { Mapping } from '../../linux/procfs/maps.js';
import type { StructValue } from '../../linux/struct.js';
import { AT_FDCWD } from '../../linux/syscall.js';
import { close, openat, pread64 } from '../../linux/syscalls/files.js';
import { aio_ring } from '../../linux/uapi/aio.js';
import { O_CLOEXEC, O_RDONLY } from '../../linux/uapi/fcntl.js';
import { unsupported, within } from '../../support/errors.js';
import { defineTaskState } from '../kinds.js';
import type { DumpPort } from '../ports.js';
import { isWholeRing, requestsOf } from './aio-ring.js';
import { describeMapping } from './vma.js';

export type AioEntry = MessageValue<typeof aio_ring_entry>;
type Ring = StructValue<typeof aio_ring>;

export const isAioRing = ({ path, deleted }: Mapping): boolean => path === '/[aio]' && deleted;

const ringsOf = ({ mappings }: ProcessView): Mapping[] => mappings.filter(isAioRing);

function readRing(port: DumpPort, { task }: ProcessView, { start }: Mapping): Ring {
  const pathname = `/proc/${task}/mem`;
  const flags = O_RDONLY | O_CLOEXEC;
  const fd = port.call(openat, { dirfd: AT_FDCWD, pathname, flags, mode: 0 });
  using scope = port.scope();
  const buf = scope.alloc(aio_ring.size);
  try {
    port.call(pread64, { fd, buf, count: aio_ring.size, offset: start });
    return aio_ring.decode(buf.bytes);
  } finally {
    port.attempt(close, { fd });
  }
}

const REMEDY = 'have the program unmap it before the checkpoint';

export const aioContexts = defineTaskState<Ring[]>({
  name: 'AIO context',
  scope: 'process',
  table: 'vm_id',
  observe: (port, { process }) => ringsOf(process).map((ring) => readRing(port, process, ring)),
  inspect({ process, seen }) {
    const aios = ringsOf(process).map((mapping, i): AioEntry => {
      const { start, end, pgoff } = mapping;
      return within({ object: describeMapping(mapping, '[aio]') }, () => {
        if (pgoff !== 0 || !isWholeRing(seen[i] as Ring, end - start)) {
          throw unsupported('it is not a whole ring of an AIO context (io_setup)', {
            remedy: REMEDY,
          });
        }
        return { id: start, nr_req: requestsOf(end - start), ring_len: end - start };
      });
    });
    return aios.length === 0 ? {} : { mm: { aios } };
  },
});

/** What can be wrong with a description of any kind: owners, locks, O_PATH; and what sort of socket one is. */
import { parseLock } from '../../linux/procfs/locks.js';
import { fcntl, fcntlPtr } from '../../linux/syscalls/files.js';
import { getsockopt } from '../../linux/syscalls/sockets.js';
import {
  F_GETOWN_EX,
  F_GETSIG,
  FASYNC,
  f_owner_ex,
  O_PATH,
  S_IFDIR,
  S_IFREG,
} from '../../linux/uapi/fcntl.js';
import {
  AF_INET,
  AF_INET6,
  IPPROTO_TCP,
  IPPROTO_UDP,
  SO_DOMAIN,
  SO_PROTOCOL,
  SO_TYPE,
  SOL_SOCKET,
  socketFamilies,
  socketTypes,
} from '../../linux/uapi/socket.js';
import { viewOf } from '../../support/bytes.js';
import { type CheckpointError, unsupported } from '../../support/errors.js';
import type { DescriptionView } from '../kinds.js';
import type { DumpPort } from '../ports.js';
import { toType } from './named.js';

/** State that any description may have and that is not saved yet. */
export function observeObstacle(
  port: DumpPort,
  view: DescriptionView,
): CheckpointError | undefined {
  const { fdinfo, process, fd } = view;
  if ((fdinfo.flags & O_PATH) !== 0) return pathObstacle(view);
  // Before O_ASYNC, which F_SETLEASE sets by itself.
  const locks = lockObstacle(fdinfo.all('lock'));
  if (locks) return locks;
  if ((fdinfo.flags & FASYNC) !== 0) {
    return unsupported('it sends signals when it is ready (O_ASYNC), which is not saved yet', {
      remedy: 'clear O_ASYNC by fcntl(fd, F_SETFL) before the checkpoint',
    });
  }
  const taken = port.take(process.task, fd);
  try {
    return ownerObstacle(port, taken);
  } finally {
    port.drop(taken);
  }
}

function pathObstacle({ stat, target }: DescriptionView): CheckpointError | undefined {
  const type = toType(stat);
  if (type === S_IFREG || type === S_IFDIR) return undefined;
  return unsupported(
    `'${target}' is opened with O_PATH: that is saved of regular files and directories alone`,
    { remedy: 'close it before the checkpoint' },
  );
}

function lockObstacle(lines: readonly string[]): CheckpointError | undefined {
  const [line] = lines;
  if (line === undefined) return undefined;
  const { kind, access } = parseLock(line);
  if (kind === 'LEASE' || kind === 'DELEG') {
    return unsupported(`it has a lease (${access}): leases are not saved yet`, {
      remedy: 'give the lease up by fcntl(fd, F_SETLEASE, F_UNLCK) before the checkpoint',
    });
  }
  const names: Partial<Record<typeof kind, string>> = {
    FLOCK: 'flock(2)',
    POSIX: 'POSIX, fcntl F_SETLK',
    OFDLCK: 'OFD, fcntl F_OFD_SETLK',
  };
  return unsupported(
    `it holds a file lock (${names[kind] ?? kind} ${access}): file locks are not saved yet`,
    { remedy: 'release the lock before the checkpoint' },
  );
}

function ownerObstacle(port: DumpPort, fd: number): CheckpointError | undefined {
  using scope = port.scope();
  const arg = scope.alloc(f_owner_ex.size);
  port.call(fcntlPtr, { fd, cmd: F_GETOWN_EX, arg });
  const { pid } = f_owner_ex.decode(arg.bytes);
  if (pid !== 0) {
    return unsupported(
      `it has an owner for SIGIO (F_SETOWN, ${pid | 0}): owners are not saved yet`,
      {
        remedy: 'take the owner away by fcntl(fd, F_SETOWN, 0) before the checkpoint',
      },
    );
  }
  const signal = port.call(fcntl, { fd, cmd: F_GETSIG, arg: 0 });
  if (signal === 0) return undefined;
  return unsupported(`it has a signal of its own (F_SETSIG, ${signal}), which is not saved yet`, {
    remedy: 'undo it by fcntl(fd, F_SETSIG, 0) before the checkpoint',
  });
}

const nameOf = (table: Readonly<Record<string, number>>, value: number, what: string): string =>
  Object.entries(table).find(([, number]) => number === value)?.[0] ?? `${what} ${value}`;

/** ': a TCP socket (AF_INET, SOCK_STREAM)', or '' for what is no socket. */
export function describeSocket(port: DumpPort, { link, process, fd }: DescriptionView): string {
  if (link.kind !== 'pseudo' || link.type !== 'socket') return '';
  const taken = port.take(process.task, fd);
  const option = (optname: number): number => {
    using scope = port.scope();
    const optval = scope.alloc(4);
    const optlen = Uint8Array.of(4, 0, 0, 0);
    port.call(getsockopt, { fd: taken, level: SOL_SOCKET, optname, optval, optlen });
    return viewOf(optval.bytes).getInt32(0, true);
  };
  try {
    const [domain, type, protocol] = [option(SO_DOMAIN), option(SO_TYPE), option(SO_PROTOCOL)];
    const isInet = domain === AF_INET || domain === AF_INET6;
    const transport =
      isInet && protocol === IPPROTO_TCP
        ? 'TCP '
        : isInet && protocol === IPPROTO_UDP
          ? 'UDP '
          : '';
    const family = nameOf(socketFamilies, domain, 'family');
    return `: this is a ${transport}socket of ${family}, ${nameOf(socketTypes, type, 'type')}`;
  } finally {
    port.drop(taken);
  }
}

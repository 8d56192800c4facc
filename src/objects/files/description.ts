/** What can be wrong with a description of any kind; and what sort of socket one is. */
import { getsockopt } from '../../linux/syscalls/sockets.js';
import { O_ACCMODE, O_PATH, O_RDONLY, S_IFDIR, S_IFREG } from '../../linux/uapi/fcntl.js';
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

/** What of a description cannot be saved, whatever kind it is of. */
export function observeObstacle(view: DescriptionView): CheckpointError | undefined {
  return (view.fdinfo.flags & O_PATH) !== 0 ? pathObstacle(view) : triggerObstacle(view);
}

/** Documentation/accounting/psi.rst: what was written is a trigger, which belongs to the open file. */
function triggerObstacle({ target, fdinfo }: DescriptionView): CheckpointError | undefined {
  const isTrigger = target.startsWith('/proc/pressure/') && (fdinfo.flags & O_ACCMODE) !== O_RDONLY;
  if (!isTrigger) return undefined;
  return unsupported(`'${target}' is open for writing: pressure triggers are not saved`, {
    remedy: 'close it before the checkpoint',
  });
}

function pathObstacle({ stat, target }: DescriptionView): CheckpointError | undefined {
  const type = toType(stat);
  if (type === S_IFREG || type === S_IFDIR) return undefined;
  return unsupported(
    `'${target}' is opened with O_PATH: that is saved of regular files and directories alone`,
    { remedy: 'close it before the checkpoint' },
  );
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

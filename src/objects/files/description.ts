/** What can be wrong with a description of any kind; and what sort of socket one is. */
import { decodeDev } from '../../linux/procfs/devices.js';
import { getsockopt } from '../../linux/syscalls/sockets.js';
import { O_ACCMODE, O_PATH, O_RDONLY, S_IFCHR, S_IFMT } from '../../linux/uapi/fcntl.js';
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
import { toNumber, viewOf } from '../../support/bytes.js';
import { type CheckpointError, unsupported } from '../../support/errors.js';
import type { DescriptionView } from '../kinds.js';
import type { DumpPort } from '../ports.js';
import { MISC_MAJOR, TUN_MINOR } from './external.js';

/** What of a description cannot be saved, whatever kind it is of. */
export function observeObstacle(view: DescriptionView): CheckpointError | undefined {
  if ((view.fdinfo.flags & O_PATH) !== 0) return pathObstacle(view);
  return triggerObstacle(view) ?? tunObstacle(view);
}

/** Without an interface it is a device like others. fdinfo names it: drivers/net/tun.c, tun_chr_show_fdinfo. */
function tunObstacle({ target, stat, fdinfo }: DescriptionView): CheckpointError | undefined {
  const { major, minor } = decodeDev(toNumber(stat.rdev));
  const isTun = (stat.mode & S_IFMT) === S_IFCHR && major === MISC_MAJOR && minor === TUN_MINOR;
  const name = isTun ? fdinfo.find('iff') : undefined;
  if (!name) return undefined;
  return unsupported(
    `'${target}' is a tun/tap descriptor of the interface '${name}': it belongs to a network namespace, which is not saved yet`,
    { object: 'tun device', remedy: 'close it before the checkpoint' },
  );
}

/** Documentation/accounting/psi.rst: what was written is a trigger, which belongs to the open file. */
function triggerObstacle({ target, fdinfo }: DescriptionView): CheckpointError | undefined {
  const isTrigger = target.startsWith('/proc/pressure/') && (fdinfo.flags & O_ACCMODE) !== O_RDONLY;
  if (!isTrigger) return undefined;
  return unsupported(`'${target}' is open for writing: pressure triggers are not saved`, {
    remedy: 'close it before the checkpoint',
  });
}

function pathObstacle({ link, target }: DescriptionView): CheckpointError | undefined {
  if (link.kind === 'path') return undefined;
  return unsupported(
    `'${target}' is opened with O_PATH: that is saved of files with a path alone`,
    {
      remedy: 'close it before the checkpoint',
    },
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

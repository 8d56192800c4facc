/** System calls on sockets. */
import { data, fdParam, int, out, syscall } from '../syscall.js';

export const getsockopt = syscall('getsockopt', {
  fd: fdParam,
  level: int,
  optname: int,
  optval: out,
  optlen: data,
});

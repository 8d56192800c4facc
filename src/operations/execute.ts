/** --exec-cmd: this process becomes another program, which is the root task's parent from then on. */
import { attemptStat } from '../host/files.js';
import { Host } from '../host/host.js';
import { errnoName } from '../linux/errno.js';
import { SIG_DFL, SIGPIPE, SIGXFSZ, sigaction } from '../linux/signal.js';
import { fcntl } from '../linux/syscalls/files.js';
import { execve, rtSigaction } from '../linux/syscalls/tasks.js';
import { F_SETFD } from '../linux/uapi/fcntl.js';
import { concat, u64Bytes } from '../support/bytes.js';
import { refused } from '../support/errors.js';
import { cString } from '../support/text.js';
import type { Environment } from './types.js';

export function execute(argv: readonly string[], environment: Environment): never {
  using host = new Host();
  const [name = ''] = argv;
  const path = findProgram(host, name, environment.PATH ?? '/usr/local/bin:/usr/bin:/bin');
  using scope = host.scope();
  const vector = (strings: readonly string[]): number =>
    scope.store(
      concat([...strings.map((text) => u64Bytes(scope.store(cString(text), 1))), u64Bytes(0)]),
    );
  undoNode(host);
  const variables = Object.entries(environment).map(([key, value]) => `${key}=${value ?? ''}`);
  const result = host.attempt(execve, {
    pathname: path,
    argv: vector(argv),
    envp: vector(variables),
  });
  const errno = errnoName(-result);
  throw refused(`'${name}' cannot be run: execve: ${errno}`, {
    syscall: 'execve',
    errno,
    remedy: 'the restored tree runs on; give a program that exists and may be run',
  });
}

/** What Node sets for itself at its start, and undoes in the programs that it starts; execve(2) undoes none of it. */
function undoNode(host: Host): void {
  // EBADF: closed by the caller.
  for (const fd of [0, 1, 2]) host.attempt(fcntl, { fd, cmd: F_SETFD, arg: 0 });
  const act = sigaction.encode({ sa_handler: SIG_DFL });
  for (const signum of [SIGPIPE, SIGXFSZ]) {
    host.call(rtSigaction, { signum, act, oldact: 0, sigsetsize: 8 });
  }
}

/** As execvp(3) looks for it. */
function findProgram(host: Host, name: string, path: string): string {
  if (name.includes('/')) return name;
  for (const folder of path.split(':')) {
    const candidate = `${folder === '' ? '.' : folder}/${name}`;
    if (typeof attemptStat(host, candidate) !== 'number') return candidate;
  }
  return name;
}

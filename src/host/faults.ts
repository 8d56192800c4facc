/**
 * Fault injection for test/faults: effects are counted, and the n-th kills this process or fails. Set by
 * WOODFROG_FAULT=kill:N or fail:N[:ERRNO]; WOODFROG_FAULT_COUNT=FILE writes the effects at exit, a line each.
 */
import { writeFileSync } from 'node:fs';
import { errnoNumber } from '../linux/errno.js';
import { usage } from '../support/errors.js';

export interface Faults {
  /** Called before each effect; 0 to go on, or the errno to fail with instead of making the call. */
  before(syscallName: string): number;
}

export const noFaults: Faults = { before: () => 0 };

export function faultsFromEnvironment(env: NodeJS.ProcessEnv): Faults {
  const { WOODFROG_FAULT: spec, WOODFROG_FAULT_COUNT: countFile } = env;
  if (spec === undefined && countFile === undefined) return noFaults;
  const [kind, nth = '0', errno = 'EIO'] = (spec ?? 'count').split(':');
  if (kind !== 'kill' && kind !== 'fail' && kind !== 'count') {
    throw usage(`WOODFROG_FAULT='${spec}' is not kill:N or fail:N[:ERRNO]`);
  }
  const target = Number(nth);
  const failure = errnoNumber(errno) ?? 0;
  let count = 0;
  const names: string[] = [];
  if (countFile !== undefined) {
    process.on('exit', () => writeFileSync(countFile, names.map((name) => `${name}\n`).join('')));
  }
  return {
    before(syscallName) {
      count += 1;
      if (countFile !== undefined) names.push(syscallName);
      if (count !== target) return 0;
      if (kind === 'kill') process.kill(process.pid, 'SIGKILL');
      return kind === 'fail' ? failure : 0;
    },
  };
}

/**
 * The signal of our timers. Its handler is installed once in a process and stays: taken away while another thread's
 * timer still ticks, or with a tick on its way, the signal's default action would end the process. Handlers do not
 * survive execve(2).
 */
import { wakeHandler } from '../arch/arch.js';
import { sigaction } from '../linux/signal.js';
import { mmap } from '../linux/syscalls/memory.js';
import { rtSigaction } from '../linux/syscalls/tasks.js';
import {
  MAP_ANONYMOUS,
  MAP_PRIVATE,
  PROT_EXEC,
  PROT_READ,
  PROT_WRITE,
} from '../linux/uapi/mman.js';
import { PAGE_SIZE } from '../support/brand.js';
import { toNumber } from '../support/bytes.js';
import { refused } from '../support/errors.js';
import type { Host } from './host.js';
import { attemptReadMemory } from './process-memory.js';

export const SA_RESTORER = 0x0400_0000n;
const SIG_IGN = 1n;
/** Real-time signals that neither Node nor libuv uses; the first that nobody else in the process has taken. */
const FIRST_SIGNAL = 62;
const LAST_SIGNAL = 50;

/** Returns the number of a signal that interrupts blocking calls and does nothing else. */
export function installWakeHandler(host: Host): number {
  for (let signum = FIRST_SIGNAL; signum >= LAST_SIGNAL; signum--) {
    const handler = handlerOf(host, signum);
    if (isOurs(host, handler)) return signum;
    if (handler > SIG_IGN) continue;
    // Two threads may both come here: either's handler serves both.
    install(host, signum);
    return signum;
  }
  throw refused(`all signals from ${LAST_SIGNAL} to ${FIRST_SIGNAL} are in use in this process`);
}

function handlerOf(host: Host, signum: number): bigint {
  using scope = host.scope();
  const old = scope.alloc(sigaction.size);
  host.call(rtSigaction, { signum, act: 0, oldact: old, sigsetsize: 8 });
  return sigaction.decode(old.bytes).sa_handler;
}

/** By its code: threads share no other memory through which one could tell the other. */
function isOurs(host: Host, handler: bigint): boolean {
  if (handler <= SIG_IGN) return false;
  const { code } = wakeHandler;
  const found = attemptReadMemory(host, process.pid, toNumber(handler), code.length);
  return typeof found !== 'number' && Buffer.compare(found, code) === 0;
}

function install(host: Host, signum: number): void {
  const page = host.call(mmap, {
    addr: 0,
    length: PAGE_SIZE,
    prot: PROT_READ | PROT_WRITE | PROT_EXEC,
    flags: MAP_PRIVATE | MAP_ANONYMOUS,
    fd: -1,
    offset: 0,
  });
  const { code, labels } = wakeHandler;
  host.ffi.view(page, PAGE_SIZE).set(code);
  const act = sigaction.encode({
    sa_handler: BigInt(page + (labels.handler ?? 0)),
    sa_flags: SA_RESTORER,
    sa_restorer: BigInt(page + (labels.restorer ?? 0)),
    sa_mask: 0n,
  });
  host.call(rtSigaction, { signum, act, oldact: 0, sigsetsize: 8 });
}

/** The memory of another process: process_vm_readv(2), process_vm_writev(2), /proc/PID/mem. */

import { AT_FDCWD, type Place } from '../linux/syscall.js';
import { close, openat, pwrite64 } from '../linux/syscalls/files.js';
import { processVmReadv, processVmWritev } from '../linux/syscalls/memory.js';
import { O_CLOEXEC, O_WRONLY } from '../linux/uapi/fcntl.js';
import { iovec } from '../linux/uapi/mman.js';
import { viewOf } from '../support/bytes.js';
import { type Host, syscallError } from './host.js';

/** Bytes of a process's memory, or -errno: EFAULT where nothing is mapped; a partial read counts as EFAULT. */
export function attemptReadMemory(
  host: Host,
  pid: number,
  address: number,
  length: number,
): Uint8Array | number {
  const mark = host.arena.mark;
  const buffer = host.arena.alloc(length, 64);
  const count = host.attempt(processVmReadv, {
    pid,
    local_iov: iovec.encode({ iov_base: buffer.address, iov_len: length }),
    liovcnt: 1,
    remote_iov: iovec.encode({ iov_base: address, iov_len: length }),
    riovcnt: 1,
    flags: 0,
  });
  const result = count === length ? buffer.bytes.slice() : count < 0 ? count : -EFAULT;
  host.arena.release(mark);
  return result;
}

const EFAULT = 14;

/** Writes to memory the process itself may write. -errno when it cannot: nothing is written then, or a part. */
export function attemptWriteMemory(
  host: Host,
  pid: number,
  address: number,
  bytes: Uint8Array,
): number {
  const mark = host.arena.mark;
  const local = host.arena.store(bytes);
  const count = host.attempt(processVmWritev, {
    pid,
    local_iov: iovec.encode({ iov_base: local, iov_len: bytes.length }),
    liovcnt: 1,
    remote_iov: iovec.encode({ iov_base: address, iov_len: bytes.length }),
    riovcnt: 1,
    flags: 0,
  });
  host.arena.release(mark);
  return count < 0 ? count : count === bytes.length ? 0 : -EFAULT;
}

/**
 * Writes to memory that the process itself may not write, as its tracer: private pages become copies. A kernel may
 * forbid it (proc_mem.force_override=never, Linux 6.12).
 */
export function writeProtected(host: Host, pid: number, { address, bytes }: Piece): void {
  const pathname = `/proc/${pid}/mem`;
  const flags = O_WRONLY + O_CLOEXEC;
  const fd = host.call(openat, { dirfd: AT_FDCWD, pathname, flags, mode: 0 });
  const mark = host.arena.mark;
  try {
    const buf = { address: host.arena.store(bytes), length: bytes.length };
    const count = bytes.length;
    const written = host.call(pwrite64, { fd, buf, count, offset: address });
    if (written !== count) throw syscallError('pwrite64', EFAULT, `pwrite64 to ${pathname}`);
  } finally {
    host.arena.release(mark);
    host.attempt(close, { fd });
  }
}

export interface Piece {
  address: number;
  bytes: Uint8Array;
}

/** What one call of process_vm_readv(2) or process_vm_writev(2) takes: IOV_MAX of limits.h, and room in the arena. */
const PIECES_AT_ONCE = 1024;
const BYTES_AT_ONCE = 4 * 1024 * 1024;

/** Many places of a process's memory with few calls; empty ones are left out. Throws when any cannot be read. */
export function readPieces(host: Host, pid: number, places: readonly Place[]): Uint8Array[] {
  const read: Uint8Array[] = [];
  for (const batch of batches(places)) {
    const total = batch.reduce((sum, { length }) => sum + length, 0);
    const mark = host.arena.mark;
    const buffer = host.arena.allocUncleared(total, 64);
    transfer(host, processVmReadv, { pid, local: buffer, remote: batch });
    const bytes = buffer.bytes.slice();
    host.arena.release(mark);
    let at = 0;
    for (const { length } of batch) {
      read.push(bytes.subarray(at, at + length));
      at += length;
    }
  }
  return read;
}

/** Writes many pieces with few calls. Throws when any cannot be written; earlier ones are written then. */
export function writePieces(host: Host, pid: number, pieces: readonly Piece[]): void {
  const places = pieces.map(({ address, bytes }) => ({ address, length: bytes.length, bytes }));
  for (const batch of batches(places)) {
    const total = batch.reduce((sum, { length }) => sum + length, 0);
    const mark = host.arena.mark;
    const buffer = host.arena.allocUncleared(total, 64);
    let at = 0;
    for (const { bytes, length } of batch) {
      buffer.bytes.set(bytes, at);
      at += length;
    }
    transfer(host, processVmWritev, { pid, local: buffer, remote: batch });
    host.arena.release(mark);
  }
}

function* batches<T extends Place>(places: readonly T[]): Generator<T[]> {
  let batch: T[] = [];
  let total = 0;
  for (const place of places) {
    if (
      batch.length > 0 &&
      (batch.length === PIECES_AT_ONCE || total + place.length > BYTES_AT_ONCE)
    ) {
      yield batch;
      batch = [];
      total = 0;
    }
    batch.push(place);
    total += place.length;
  }
  if (batch.length > 0) yield batch;
}

function transfer(
  host: Host,
  call: typeof processVmReadv,
  { pid, local, remote }: { pid: number; local: Place; remote: readonly Place[] },
): void {
  const vector = new Uint8Array(remote.length * iovec.size);
  const view = viewOf(vector);
  remote.forEach(({ address, length }, i) => {
    iovec.set(view, i * iovec.size, { iov_base: address, iov_len: length });
  });
  const count = host.call(call, {
    pid,
    local_iov: iovec.encode({ iov_base: local.address, iov_len: local.length }),
    liovcnt: 1,
    remote_iov: vector,
    riovcnt: remote.length,
    flags: 0,
  });
  if (count !== local.length) {
    throw syscallError(call.name, EFAULT, `${call.name} of ${local.length} bytes of pid ${pid}`);
  }
}

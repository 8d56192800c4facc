/** The memory of another process: process_vm_readv(2), process_vm_writev(2), /proc/PID/mem. */
import { processVmReadv, processVmWritev } from '../linux/syscalls/memory.js';
import { iovec } from '../linux/uapi/mman.js';
import { refused } from '../support/errors.js';
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

export function readMemory(host: Host, pid: number, address: number, length: number): Uint8Array {
  const bytes = attemptReadMemory(host, pid, address, length);
  if (typeof bytes === 'number') {
    throw syscallError(
      'process_vm_readv',
      -bytes,
      `reading ${length} bytes at 0x${address.toString(16)}`,
    );
  }
  return bytes;
}

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

export function writeMemory(host: Host, pid: number, address: number, bytes: Uint8Array): void {
  const result = attemptWriteMemory(host, pid, address, bytes);
  if (result < 0) {
    throw refused(
      `writing ${bytes.length} bytes at 0x${address.toString(16)} of pid ${pid} failed`,
      { syscall: 'process_vm_writev', pid },
    );
  }
}

/** Asynchronous I/O, io_setup(2). A context is named by the address of its ring. */
import { data, hexWord, out, syscall, uint } from '../syscall.js';

export const ioSetup = syscall('io_setup', { nr_events: uint, ctx_idp: out });
/** Returns how many were taken. `iocbpp` points to addresses of iocbs. */
export const ioSubmit = syscall('io_submit', { ctx_id: hexWord, nr: uint, iocbpp: data }, 'count');
export const ioDestroy = syscall('io_destroy', { ctx_id: hexWord });

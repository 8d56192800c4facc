/** System calls as 32-bit code makes them: what the kernel keeps apart for such code. Pointers have 32 bits. */
import { data, hexWord, int, out, syscall32, uint } from '../syscall.js';
import { NR_IA32 } from '../syscall-numbers-32.js';

/** The kernel then builds the frames of such code for the handler. `act`: sigaction32. */
export const rtSigaction32 = syscall32('rt_sigaction', NR_IA32.rt_sigaction, {
  signum: int,
  act: data,
  oldact: out,
  sigsetsize: uint,
});
export const setRobustList32 = syscall32('set_robust_list', NR_IA32.set_robust_list, {
  head: hexWord,
  len: uint,
});
/** Two words of 32 bits are written. */
export const getRobustList32 = syscall32('get_robust_list', NR_IA32.get_robust_list, {
  pid: int,
  head_ptr: out,
  len_ptr: out,
});

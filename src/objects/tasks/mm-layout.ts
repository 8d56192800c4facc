/**
 * Where code, data, heap, stack, arguments and environment of the program lie, its auxiliary vector and executable.
 * PR_SET_MM_MAP(2const): after the puppet's own code is gone, else the kernel does not take the executable.
 */
import { AT_NULL, auxvWords } from '../../linux/procfs/auxv.js';
import { brk } from '../../linux/syscalls/memory.js';
import { prctlMm } from '../../linux/syscalls/tasks.js';
import { prctl_mm_map } from '../../linux/uapi/mman.js';
import { PR_SET_MM, PR_SET_MM_MAP } from '../../linux/uapi/prctl.js';
import { concat, u64Bytes } from '../../support/bytes.js';
import { refused } from '../../support/errors.js';
import { defineTaskState } from '../kinds.js';

const AUXV_PAIR = 2;
const WORD_SIZE = 8;

export const mmLayout = defineTaskState<Uint8Array, number>({
  name: 'memory layout',
  scope: 'process',
  table: 'vm_id',
  observe(port, { process }) {
    const path = `/proc/${process.task}/auxv`;
    const bytes = port.attemptReadBytes(path);
    if (typeof bytes === 'number') throw refused(`${path} cannot be read: errno ${-bytes}`);
    return bytes;
  },
  probe(tape) {
    const asked = tape.call(brk, { addr: 0 });
    return () => asked.result();
  },
  inspect: ({ process: { stat, is32Bit }, seen, probed }) => ({
    mm: {
      mm_start_code: stat.start_code,
      mm_end_code: stat.end_code,
      mm_start_data: stat.start_data,
      mm_end_data: stat.end_data,
      mm_start_stack: stat.start_stack,
      mm_start_brk: stat.start_brk,
      mm_brk: probed,
      mm_arg_start: stat.arg_start,
      mm_arg_end: stat.arg_end,
      mm_env_start: stat.env_start,
      mm_env_end: stat.env_end,
      // Of 32-bit code each word is a pair, and CRIU keeps them all.
      mm_saved_auxv: is32Bit ? auxvWords(seen) : withoutEnd(auxvWords(seen)),
    },
  }),
  rebuild({ track, process }, { files }) {
    const { mm } = process;
    const auxv = concat(mm.mm_saved_auxv.map(u64Bytes));
    // The kernel puts AT_NULL behind what it is given.
    const place = auxv.length === 0 ? 0 : track.memory.store(auxv, WORD_SIZE);
    const map = prctl_mm_map.encode({
      start_code: mm.mm_start_code,
      end_code: mm.mm_end_code,
      start_data: mm.mm_start_data,
      end_data: mm.mm_end_data,
      start_brk: mm.mm_start_brk,
      brk: mm.mm_brk,
      start_stack: mm.mm_start_stack,
      arg_start: mm.mm_arg_start,
      arg_end: mm.mm_arg_end,
      env_start: mm.mm_env_start,
      env_end: mm.mm_env_end,
      auxv: place,
      auxv_size: auxv.length,
      exe_fd: files.use(process, mm.exe_file_id),
    });
    track.at('task state').call(prctlMm, {
      option: PR_SET_MM,
      arg2: PR_SET_MM_MAP,
      arg3: map,
      arg4: prctl_mm_map.size,
      arg5: 0,
    });
    track.call(brk, { addr: 0 }, { mustEqual: mm.mm_brk });
  },
});

/** The pairs before AT_NULL: what images hold. */
function withoutEnd(words: bigint[]): bigint[] {
  for (let i = 0; i < words.length; i += AUXV_PAIR) {
    if (words[i] === BigInt(AT_NULL)) return words.slice(0, i);
  }
  return words;
}

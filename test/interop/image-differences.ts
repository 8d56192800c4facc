/** Where images of ours hold something else than CRIU's of the very same program, each with its reason. */
export interface KnownDifference {
  /** As compareFolders names it. */
  field: RegExp;
  reason: string;
  /** Of the standing programs; all if left out. */
  of?: readonly string[];
}

const OURS = 'a field of our own (from 20000 on), which CRIU skips';
const SHARED_ANONYMOUS =
  'CRIU writes shared anonymous memory as a memfd with the name /dev/zero, which it would come back as';

export const IMAGE_DIFFERENCES: readonly KnownDifference[] = [
  { field: /^inventory\.img .*dump_criu_run_id$/, reason: 'a new UUID for each dump' },
  { field: /^timens-N\.img /, reason: 'the clocks, at two moments' },
  { field: /^cpuinfo\.img$/, reason: 'CRIU records the processor only with --cpu-cap' },
  {
    field: /gpregs\.(?:ax|ip|orig_ax)$/,
    reason:
      'a call that was interrupted is issued again, where CRIU lets it end with EINTR: the same to who restores',
  },
  {
    field: /gpregs\.restart$/,
    reason: OURS,
  },
  {
    field: /xsave\.xstate_bv$/,
    reason: 'which components are at rest may change between two looks',
  },
  { field: /vmas\.@\.(?:accounted|locked_on_fault|sealed)$/, reason: OURS },
  {
    field: /thread_core\.(?:ioprio|personality|timer_slack_ns|sched_runtime|mce_kill)$/,
    reason: OURS,
  },
  { field: /\.reg\.rdev$|\.tfd\.expires_n?sec$/, reason: OURS },
  {
    field: /^pipes-data\.img /,
    reason: 'CRIU leaves out what waits in a pipe without a reader, which can be opened again',
    of: ['pipes'],
  },
  {
    field: /gpregs\.bp$/,
    reason: 'the program counts while it waits to be let go',
    of: ['signal actions'],
  },
  {
    field: /vmas\.@\.fdflags$/,
    reason:
      'a private mapping needs a file opened for reading; CRIU writes how the mapped one was opened',
  },
  {
    field: /^pagemap-N\.img \[\]\.@$/,
    reason: 'CRIU saves the page of code in which it made the program run its own calls',
  },
  { field: /\.(?:vnsec|vsec|vusec)$/, reason: 'the time that is left, at two moments' },
  { field: /^tty-info\.img .*c_cc\[\]$/, reason: 'CRIU writes what lies behind the 19 characters' },
  { field: /^pstree\.img .*threads\[\]$/, reason: 'CRIU writes what lies in memory for a zombie' },
  { field: /pages_id$/, reason: 'page files are numbered in another order' },
  { field: /^ids-N\.img .*_id$/, reason: 'tables are numbered in another order' },
  {
    field:
      /^memfd\.img$|vmas\.@\.(?:flags|status|shmid)$|^files\.img .*memfd|^files\.img \[\]\.(?:id|type)$/,
    reason: SHARED_ANONYMOUS,
    of: ['shared memory'],
  },
];

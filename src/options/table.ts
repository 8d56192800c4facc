/**
 * THE TABLE of options. A row here is all there is to an option that exists: its flag, its configuration key, its RPC
 * field, its default and its help come from it. Options whose feature is still to come are in table-later.ts.
 */

import { flag, type OptionSpec, toggle, value } from './spec.js';
import { LATER_OPTIONS } from './table-later.js';

const COMMON_OPTIONS: readonly OptionSpec[] = [
  value('images-dir', 'path DIR', 'all', 'folder of the image files', {
    short: 'D',
    default: '.',
    rpc: 'images_dir',
  }),
  value('work-dir', 'path DIR', 'all', 'folder for log, pidfile and statistics (default: -D)', {
    short: 'W',
    rpc: 'work_dir_fd',
  }),
  value('log-file', 'path FILE', 'all', 'write the log to FILE in the work folder', {
    short: 'o',
    rpc: 'log_file',
  }),
  value('verbosity', 'level [NUM]', 'all', '0 nothing, 1 errors, 2 warnings, 3 steps, 4 all', {
    short: 'v',
    default: 2,
    rpc: 'log_level',
  }),
  toggle('log-pid', 'all', "write what concerns a task to a log of its own, '<log>.<pid>'"),
  value('pidfile', 'path FILE', 'dump restore', "write the root task's pid to FILE"),
  toggle('display-stats', 'dump restore', 'print the statistics at the end', {
    rpc: 'display_stats',
  }),
  value('config', 'path FILE', 'all', 'read options from FILE as well', { rpc: 'config_file' }),
  flag('no-default-config', 'all', 'do not read the default configuration files'),
  value('close', 'list FD', 'all', 'close the inherited descriptor FD first'),
  flag('json', 'all', 'print errors and results as JSON on standard output', { own: true }),
  flag('version', 'all', 'print the version and exit', { short: 'V' }),
  flag('help', 'all', 'print this help, or that of a command, and exit', { short: 'h' }),
];

const TASK_OPTIONS: readonly OptionSpec[] = [
  value('tree', 'pid PID', 'dump', 'save the tree of processes that starts at PID', {
    short: 't',
    rpc: 'pid',
  }),
  flag('leave-running', 'dump', 'let the tasks run on afterwards, instead of killing them', {
    short: 'R',
    rpc: 'leave_running',
  }),
  flag('leave-stopped', 'dump restore', 'leave the tasks stopped afterwards', {
    short: 's',
    rpc: 'leave_stopped',
  }),
  value('timeout', 'number SEC', 'dump', 'give up if stopping the tasks takes longer (0: never)', {
    default: 10,
    rpc: 'timeout',
  }),
  value(
    'cpu-cap',
    'string [CAP]',
    'dump restore cpuinfo',
    'what to compare of the CPU: fpu ins cpu all none',
    {
      rpc: 'cpu_cap',
    },
  ),
  flag('sync', 'dump', 'make the images durable (fsync) before any task is killed', { own: true }),
  flag(
    'refuse-seccomp-window',
    'dump',
    'refuse what would die of its seccomp filters if woodfrog were killed',
    {
      own: true,
    },
  ),
  flag('explain', 'dump restore', 'say what would be done, and do nothing', { own: true }),
  toggle('restore-detached', 'restore', 'exit once the tasks run, instead of waiting for them', {
    short: 'd',
  }),
  toggle('restore-sibling', 'restore', 'restore the root task as a sibling (with -d)', {
    short: 'S',
    rpc: 'rst_sibling',
  }),
  flag('exec-cmd', 'restore', "then run the command after '--', as the root task's parent", {
    rpc: 'exec_cmd',
  }),
];

const FILE_OPTIONS: readonly OptionSpec[] = [
  value('ghost-limit', 'size SIZE', 'dump', 'largest deleted file to save (default: 1M)', {
    rpc: 'ghost_limit',
    default: 1024 * 1024,
  }),
  toggle('ghost-fiemap', 'dump', 'find the holes of deleted files by FIEMAP'),
  toggle('file-locks', 'dump restore', 'save file locks and leases (a restore always does)', {
    short: 'l',
    rpc: 'file_locks',
  }),
  toggle('link-remap', 'dump', 'give deleted files that have other names a further one', {
    rpc: 'link_remap',
  }),
];

const OUTSIDE_OPTIONS: readonly OptionSpec[] = [
  toggle('shell-job', 'dump restore', "allow a shell's job: it gets the terminal of the restore", {
    short: 'j',
    rpc: 'shell_job',
  }),
  value(
    'external',
    'list RESOURCE',
    'dump restore',
    'leave RESOURCE out: file[MNT:INODE] pipe[INODE] tty[RDEV:DEV]',
    {
      rpc: 'external',
    },
  ),
  toggle('evasive-devices', 'dump restore', 'take any path of a device that lost its own', {
    rpc: 'evasive_devices',
  }),
  value('inherit-fd', 'list FD:RESOURCE', 'restore', 'hand in: fd[N]:RESOURCE', {
    rpc: 'inherit_fd',
  }),
];

const FILE_CHECK_OPTIONS: readonly OptionSpec[] = [
  value('file-validation', 'string MODE', 'dump restore', 'compare files by filesize or buildid', {
    default: 'buildid',
  }),
  toggle('skip-file-rwx-check', 'restore', 'do not compare the permissions of files', {
    rpc: 'skip_file_rwx_check',
  }),
];

const IMAGE_OPTIONS: readonly OptionSpec[] = [
  value(
    'out',
    'path OUT',
    'coredump',
    'folder for core.PID files, or with -p the file (short: -o)',
    {
      own: true,
    },
  ),
  value('pid', 'pid PID', 'coredump', 'only the task PID', { short: 'p', own: true }),
];

const CGROUP_OPTIONS: readonly OptionSpec[] = [
  value(
    'manage-cgroups',
    'string [MODE]',
    'dump restore',
    'ignore none props soft full strict; [soft]',
    {
      rpc: 'manage_cgroups_mode',
    },
  ),
  value(
    'cgroup-root',
    'list [CTL:]PATH',
    'dump restore',
    'save from, or restore to, another cgroup',
    {
      rpc: 'cg_root',
    },
  ),
  value('cgroup-props', 'string SPEC', 'dump', 'properties of cgroups to save', {
    rpc: 'cgroup_props',
  }),
  value('cgroup-props-file', 'path FILE', 'dump', 'the same, from a file', {
    rpc: 'cgroup_props_file',
  }),
  value('cgroup-dump-controller', 'list NAME', 'dump', 'save cgroups of this controller alone', {
    rpc: 'cgroup_dump_controller',
  }),
  value('freeze-cgroup', 'path PATH', 'dump', 'stop the tasks of this cgroup by its freezer', {
    rpc: 'freeze_cgroup',
  }),
  value('cgroup-yard', 'path PATH', 'dump restore', 'folder in which cgroups are mounted', {
    rpc: 'cgroup_yard',
  }),
];

const CHECK_OPTIONS: readonly OptionSpec[] = [
  value('feature', 'list NAME', 'check', "check NAME alone; 'list' prints the names"),
  toggle('extra', 'check', 'check what only some programs need, too (category 2)'),
  toggle('experimental', 'check', 'check what is experimental, too (category 3)'),
  flag('all', 'check', 'check everything'),
  // Both only ever widened what CRIU accepts or narrowed what it checks; here there is nothing to widen or narrow.
  flag('ms', 'check', 'leave out features of no released kernel (always so)', { hidden: true }),
  toggle('deprecated', 'all', 'allow deprecated options (they are refused by name)', {
    hidden: true,
  }),
];

export const OPTIONS: readonly OptionSpec[] = [
  ...COMMON_OPTIONS,
  ...TASK_OPTIONS,
  ...CGROUP_OPTIONS,
  ...FILE_OPTIONS,
  ...FILE_CHECK_OPTIONS,
  ...OUTSIDE_OPTIONS,
  ...CHECK_OPTIONS,
  ...IMAGE_OPTIONS,
  ...LATER_OPTIONS,
];

/** The row of the long name `name`, which must exist. */
export function optionNamed(name: string): OptionSpec {
  const found = OPTIONS.find((spec) => spec.name === name);
  if (!found) throw new Error(`No option '${name}' in the table`);
  return found;
}

/** The row of the letter, if any. */
export const optionWithLetter = (letter: string): OptionSpec | undefined =>
  OPTIONS.find((spec) => spec.short === letter);

export const defaultOf = (name: string) => optionNamed(name).default;

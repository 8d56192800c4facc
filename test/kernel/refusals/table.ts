/**
 * Every state that a dump refuses by name, with the words its error must hold. docs/limits.md
 * follows this table; when a state becomes supported, its row goes and a kernel test of its own
 * comes.
 */

export interface Refusal {
  /** What the program does: a case of `program`. */
  name: string;
  program: string;
  /** All of them must be in the tool's error text. */
  says: readonly RegExp[];
  /** CRIU 4.2 refuses it too, without further options. */
  criuRefuses?: boolean;
}

type Row = [name: string, says: RegExp | readonly RegExp[], criuRefuses?: 'criu refuses'];

const group = (program: string, rows: readonly Row[]): Refusal[] =>
  rows.map(([name, says, criu]) => ({
    name,
    program: `refusals/${program}`,
    says: says instanceof RegExp ? [says] : says,
    criuRefuses: criu !== undefined,
  }));

export const refusals: readonly Refusal[] = [
  ...group('locks.c', [
    ['flock', [/flock|file lock/i, /--file-locks/], 'criu refuses'],
    ['posix', [/posix.*lock|file lock/i, /--file-locks/], 'criu refuses'],
    ['ofd', [/ofd.*lock|file lock/i, /--file-locks/], 'criu refuses'],
    ['lease', [/lease/i, /--file-locks/]],
  ]),
  ...group('timers.c', [
    ['ended', /CPU time of a thread that has ended/],
    ['ended-alone', /CPU time of a thread that has ended/],
    ['ended-leader', /CPU time of a thread that has ended/],
    ['pending', /cannot be found while its signal is pending/],
    ['ticks', /CPU time of the thread.*by ticks/],
  ]),
  ...group('tasks.c', [
    ['deadline', /SCHED_DEADLINE/],
    ['seccomp-supervised', [/seccomp/i, /supervisor/]],
    ['compat', /32-bit code/],
    ['traced', /traced|tracer/i, 'criu refuses'],
    ['vfork', /vfork/i],
    ['user-dispatch', /user dispatch/i],
  ]),
  ...group('files.c', [
    ['deleted-linked', [/hard link/, /--link-remap/], 'criu refuses'],
    ['deleted-large', [/deleted/, /--ghost-limit/], 'criu refuses'],
    ['owner-outside', /owner.*outside/i],
    ['pipe-outside', [/pipe/i, /outside|external|not in the tree/i]],
    ['pipe-read-outside', /pipe.*reading end.*outside/i],
    ['fifo-outside', /fifo.*writing end.*outside/i],
    ['proc-outside', /\/proc\/1\/status.*outside/],
    ['proc-thread', /\/proc\/.*thread/],
    ['proc-fdinfo', /\/proc\/.*descriptor/],
    ['pressure', /pressure.*trigger/],
    ['namespace-file', /namespace|ns:|net:\[/i],
    ['tun', /tun.* interface/i],
    ['tty-of-another', [/terminal/, /\/dev\/tty/]],
    ['fuse', /\/dev\/fuse|character device|char.* device/i, 'criu refuses'],
    ['kmsg', /kmsg|character device|char.* device/i],
    ['block', /block device|\/dev\//i, 'criu refuses'],
    ['terminal-outside', [/terminal/, /outside the tree/], 'criu refuses'],
    ['controlling-closed', /terminal.*open in no process/],
    ['status-unread', /packet mode/],
    ['detached-mount', /mount|deleted/i, 'criu refuses'],
  ]),
  ...group('anonymous-inodes.c', [
    ['epoll-outside', [/epoll/, /target.* held open outside/]],
    ['inotify-deleted', /inotify.*deleted and not open in the tree/],
    ['fanotify-unread', [/fanotify/, /events that have not been read/]],
    ['fanotify-permission', /fanotify.*permission/],
    ['pidfd-outside', /pidfd.*outside/],
    ['pidfd-thread', /pidfd.*thread/],
    ['memfd-executable', [/executable/, /memfd/]],
    ['secretmem', /secretmem|memfd_secret/i, 'criu refuses'],
    ['userfaultfd', /userfaultfd/i, 'criu refuses'],
    ['io_uring', /io_uring/i, 'criu refuses'],
    ['perf', /perf/i, 'criu refuses'],
    ['bpf-map', [/BPF map/, /arrays and hashes/]],
    ['bpf-map-used', /BPF map.*used by (a )?BPF program.* outside/],
    ['bpf-program', /BPF programs/],
    ['mqueue', /mqueue|message queue/i, 'criu refuses'],
    ['fs-context', /fscontext|fs-context|anon/i, 'criu refuses'],
  ]),
  ...group('sockets.c', [
    ['unix-stream', [/socket/i, /unix/i]],
    ['unix-datagram', [/socket/i, /unix/i]],
    ['unix-packet', [/socket/i, /unix/i]],
    ['unix-listening', [/socket/i, /unix/i]],
    ['tcp-fresh', [/socket/i, /tcp|inet/i]],
    ['tcp-listening', [/socket/i, /tcp|inet/i]],
    ['tcp6-listening', [/socket/i, /tcp|inet/i]],
    ['tcp-established', [/socket/i, /tcp|inet/i], 'criu refuses'],
    ['udp', [/socket/i, /udp|inet/i]],
    ['raw', [/socket/i, /raw|inet/i]],
    ['netlink', [/socket/i, /netlink/i]],
    ['packet', [/socket/i, /packet/i]],
    ['alg', [/socket/i, /alg|family/i], 'criu refuses'],
    ['vsock', [/socket/i, /vsock|family/i], 'criu refuses'],
  ]),
  ...group('unshared.c', [
    ['files', [/thread/, /descriptor table/, /CLONE_FILES/], 'criu refuses'],
    ['fs', [/thread/, /working directory/, /CLONE_FS/], 'criu refuses'],
  ]),
  ...group('memory.c', [
    ['sysv', /System V|SysV/i],
    ['huge', /huge/i],
  ]),
  ...group('namespaces.c', [
    ['net', /net.*namespace|namespace.*net/i],
    ['uts', /uts.*namespace|namespace.*uts/i],
    ['ipc', /ipc.*namespace|namespace.*ipc/i],
    ['mnt', /(mount|mnt).*namespace|namespace.*(mount|mnt)/i],
    ['user', /user.*namespace|namespace.*user/i],
    ['cgroup', /cgroup.*namespace|namespace.*cgroup/i],
    ['pid', /pid.*namespace|namespace.*pid/i],
    ['uts-of-child', /uts.*namespace|namespace.*uts/i],
  ]),
];

/**
 * Programs that do not pass one of the two ways, and why: each is expected to fail, so that the
 * list stays true. None is woodfrog's to mend: CRIU fails on its own images as well, or loses what
 * woodfrog keeps.
 */
export interface KnownFailure {
  /** Dumped by woodfrog, restored by CRIU. */
  toCriu?: string;
  /** Dumped by CRIU, restored by woodfrog. */
  fromCriu?: string;
  /** It depends on the machine whether it fails. */
  sometimes?: true;
}

const both = (reason: string): KnownFailure => ({ toCriu: reason, fromCriu: reason });

const limits: KnownFailure = {
  fromCriu: 'CRIU without CAP_SYS_RESOURCE cannot read the limits of another user',
  sometimes: true,
};

const COPIES = 'CRIU makes copies of what processes share, or refuses';
const PACKETS = 'CRIU refuses pipes in packet mode, and does not know packets in images';
const ENDED = 'CRIU refuses leaders that have ended, and does not know them in images';

const MAKERS = "CRIU makes timers of a thread's CPU time in the main thread, whosever they were";

const BEHIND = 'CRIU issues the call again behind the handler: pause(2) waits for another signal';

/** By the name of the kernel test. */
export const KNOWN_FAILURES: Readonly<Record<string, KnownFailure>> = {
  'root with reduced capabilities, securebits, ambient set and no_new_privs stays so': limits,
  'an ordinary user stays one': limits,
  'real, effective and saved ids may differ': limits,
  'a user with capabilities keeps them': limits,
  'a child of root may be an ordinary user': limits,
  'thread-local segments and selectors come back in each thread': {
    toCriu: 'CRIU leaves a 64-bit thread without the selectors of its segments',
  },
  'directories are read on from where they were': {
    toCriu: 'CRIU drops O_DIRECTORY from the flags when it opens a directory',
  },
  'a file made by O_TMPFILE can still be given a name': {
    toCriu: 'CRIU gives the file a name and takes it away, and then no other can be given',
  },
  'a pty keeps its settings, locks, size, packet mode, and descriptions of both sides': {
    toCriu: 'CRIU opens a slave that came from TIOCGPTPEER by its name, which adds O_LARGEFILE',
  },
  'a deleted directory, and a file in it, stay open': {
    toCriu: 'CRIU removes the directory before the file in it, which fails',
  },
  'a FIFO whose reader has gone keeps what waits for the next': {
    fromCriu: 'CRIU does not save what is queued in a FIFO without a reader',
  },
  'a FIFO without a writer yet waits for one': {
    toCriu: 'CRIU opens the FIFO for both, which its reader is told of as a hang-up',
  },
  'the highest descriptor numbers return': {
    toCriu: 'CRIU needs numbers above all saved ones',
  },
  'a pipe in packet mode keeps its packets apart': both(PACKETS),
  'packets and plain bytes in one pipe stay what they are': both(PACKETS),
  'packets in a FIFO, and from another description of an end, stay apart': both(PACKETS),
  'the open list of descriptors of a process that is gone stays open': {
    fromCriu: 'CRIU looks at it by fstat(2), which fails',
  },
  'descriptors that are only a path lead to files of every type': {
    fromCriu: 'CRIU takes the path of a FIFO for the FIFO',
  },
  'descriptors that are only a path keep deleted files': {
    fromCriu: 'CRIU takes the path of a FIFO for the FIFO',
  },
  'POSIX locks stay, each of its own process, by range': {
    fromCriu: 'CRIU does not see the locks of a second process that has the same description',
  },
  'owners of descriptors stay: processes, threads, groups, and their signals': {
    toCriu: 'CRIU sets owners before there are threads',
  },
  'personality stays': {
    toCriu: 'CRIU does not set the personality',
    fromCriu: 'CRIU reads the hexadecimal number in /proc/PID/personality as a decimal one',
  },
  'a thread keeps its own personality and memory error policy': both(
    'CRIU does not set the personality, and knows none of a thread',
  ),
  'a thread without a personality stays so under a leader with one': both(
    'CRIU does not set the personality, and reads it as a decimal number',
  ),
  'a dead child keeps a status above 127': {
    toCriu: 'CRIU keeps seven bits of the status that a dead process exited with',
  },
  'inotify keeps watches by their numbers, and tells what happens afterwards': {
    toCriu: 'CRIU forgets IN_ONESHOT',
  },
  'inotify tells that events are lost that nobody has read': both(
    'CRIU drops unread events without a word',
  ),
  'inotify watches a symbolic link itself': both('CRIU finds no path for a symbolic link'),
  'a memfd that was mapped once it was sealed can never be written': {
    toCriu: 'CRIU seals after it has mapped, and the kernel says EBUSY',
  },
  'memfds of huge pages keep content, holes and mappings': {
    fromCriu: 'CRIU saves what was never touched as zeros, which take up huge pages again',
  },
  'epoll keeps level, edge, one-shot and exclusive targets': {
    toCriu: 'CRIU arms one-shot targets that have fired for errors and hang-ups',
  },
  'epoll keeps targets whose number is closed or stands for something else': both(
    'CRIU adds a target under a number that leads to it',
  ),
  'epoll keeps a target that only a child has open': both(
    'CRIU looks for targets in one process alone',
  ),
  'an eventfd keeps a counter above 2^32, up to its limit': {
    toCriu: 'CRIU gives back the lower 32 bits',
  },
  'an eventfd remains a semaphore': both('CRIU has no place for EFD_SEMAPHORE in its images'),
  'absolute POSIX timers of the clock of the day keep their time': both(
    'CRIU restores what was left of them',
  ),
  'POSIX timers of CLOCK_THREAD_CPUTIME_ID measure the thread that made them': both(MAKERS),
  'POSIX timers of CLOCK_THREAD_CPUTIME_ID run off by the time of their thread': both(MAKERS),
  'POSIX timers of threads that work all the time, as a profiler has them': both(MAKERS),
  'POSIX timers of a thread whose main thread has ended': both(ENDED),
  'a hundred threads with a timer of CLOCK_THREAD_CPUTIME_ID each': both(MAKERS),
  'timerfds of all clocks keep the time that is left, absolute ones their time of the clock': {
    toCriu: 'CRIU moves absolute times by what passed between dump and restore',
  },
  'timerfds hear of a clock that is set': {
    toCriu: 'CRIU moves absolute times by what passed between dump and restore',
  },
  'timerfds that wake the machine keep their time, too': both('CRIU does not know their clocks'),
  'timerfds keep expirations that nobody has read, and go on': {
    fromCriu: 'CRIU stops a periodic timer that has expired and waits to be read',
  },
  'a shared working directory stays shared': both(COPIES),
  'processes go on sharing memory alone': both(COPIES),
  'processes go on sharing memory and signal handlers': both(COPIES),
  'processes go on sharing memory, handlers, descriptors and directory': both(COPIES),
  'a table shared past a process in between stays shared': both(COPIES),
  'exit signals other than SIGCHLD return, and are told': both('exit signals become SIGCHLD'),
  'a process whose leader has ended goes on, and exits by another thread': both(ENDED),
  'a process whose leader has ended goes on, and ends with its last thread': both(ENDED),
  'orphans stay with whoever took them in, in groups and sessions without leaders': {
    toCriu: 'CRIU finds no helper for such sessions, in images of its own as little',
  },
  'calls that wait go on waiting, and none says EINTR': {
    fromCriu: 'CRIU ends calls that wait for a length of time with EINTR',
  },
  'a signal that waited behind a stop interrupts the call that was stopped': both(BEHIND),
  'a handler with SA_RESTART lets the call go on, where signal(7) says so': both(BEHIND),
  'timer slack stays, per thread': both('CRIU does not know timer slack'),
  'coredump_filter stays': both('CRIU does not know coredump_filter'),
  'every flag in VmFlags returns': both('CRIU does not know MLOCK_ONFAULT'),
  'guard pages guard again': { toCriu: 'CRIU does not set guard pages that another wrote down' },
  'sealed memory is sealed again': both('CRIU does not know mseal(2)'),
  'memory of /dev/zero, write-only, locked and untouchable, once writable': both(
    'CRIU does not know MLOCK_ONFAULT',
  ),
  'PR_SET_MEMORY_MERGE stays': both('CRIU does not know PR_SET_MEMORY_MERGE'),
  'a chosen time slice stays': both('CRIU does not know sched_attr.sched_runtime'),
  'CPU affinity and I/O priority stay': both('CRIU does not know CPU affinity'),
  'a thread keeps scheduling of its own': both('CRIU does not know CPU affinity'),
  'the actions of all 62 signals return': both('CRIU brings an ignored SIGTRAP back as default'),
};

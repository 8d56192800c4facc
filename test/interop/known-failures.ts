/**
 * Programs that do not pass one of the two ways, why, and what is seen or said then: each is expected to fail in this
 * very way, so that the list stays true. None is woodfrog's to mend: CRIU fails on its own images as well.
 */
import { NO_32_BIT } from '../support/ia32.js';

export interface Failure {
  why: string;
  /** CRIU's own message, or what became of the program. */
  says: RegExp;
  /** It depends on the machine whether it fails. */
  sometimes?: true;
}

export interface KnownFailure {
  /** Dumped by woodfrog, restored by CRIU. */
  toCriu?: Failure;
  /** Dumped by CRIU, restored by woodfrog. */
  fromCriu?: Failure;
}

const both = (why: string, says: RegExp, otherWay = says): KnownFailure => ({
  toCriu: { why, says },
  fromCriu: { why, says: otherWay },
});
const toCriu = (why: string, says: RegExp): KnownFailure => ({ toCriu: { why, says } });
const fromCriu = (why: string, says: RegExp): KnownFailure => ({ fromCriu: { why, says } });

/** The program waits for what does not come. */
const HANGS = /Waited \d+ ms in vain for the end/;

/** Or somebody else has just taken the number of the terminal, which CRIU asks for once. */
const HANGS_OR_INDEX = new RegExp(`${HANGS.source}|Unable to open dev/ptmx with specified index`);

const limits: KnownFailure = {
  fromCriu: {
    why: 'CRIU without CAP_SYS_RESOURCE cannot read the limits of another user',
    says: /Can't get rlimit 0: Operation not permitted/,
    sometimes: true,
  },
};

const copies = (seen: RegExp, said = /Can't make VM id/): KnownFailure =>
  both('CRIU makes copies of what processes share, and refuses to dump it', seen, said);

const packets = (seen: RegExp): KnownFailure =>
  both(
    'CRIU refuses pipes in packet mode, and does not know packets in images',
    seen,
    /The packetized mode for pipes is not supported yet/,
  );

const ended = both(
  'CRIU does not know leaders that have ended in images, and finds them dead at a dump',
  /Core info data missed for non-zombie/,
  /Unable to detach from \d+: No such process/,
);

const behind = both(
  'CRIU issues the call again behind the handler: pause(2) waits for another signal',
  /status\.ShdPnd: .* became "0+"/,
  HANGS,
);

const LOST_SHOTS: Failure = {
  why: 'CRIU loses signals of timers that run off while it freezes or restores',
  says: /with \{"code":1\}, not with PASS/,
};

const makers = (seen: RegExp): KnownFailure =>
  both("CRIU makes timers of a thread's CPU time in the main thread, whosever they were", seen);

const affinity = both('CRIU does not know CPU affinity', /Cpus_allowed: .* became/);
const pathOfFifo = fromCriu(
  'CRIU takes the path of a FIFO for the FIFO',
  /Can't obtain piped data size/,
);
const tellsParent = (seen: RegExp): KnownFailure =>
  both('CRIU stops it anew, which its parent is told of', seen);

const EINTR = 'CRIU ends calls that wait for a length of time with EINTR';
const saysEintr = fromCriu(EINTR, /became ""|Interrupted|EINTR/);
const timesMoved: KnownFailure = {
  ...toCriu('CRIU moves absolute times by what passed between dump and restore', /ns left, not/),
  fromCriu: {
    why: 'CRIU looks at timers and clocks at different moments, far apart on a busy machine',
    says: /ns left, not/,
    sometimes: true,
  },
};
const losesTrap = both(
  'CRIU brings an ignored SIGTRAP back as default',
  /SigIgn: "1111111111111011" became "1111111111111001"/,
);

/** Of programs of other tests that are 32-bit code here, and of one that sleeps for five milliseconds at a time. */
const of32BitCode: Readonly<Record<string, KnownFailure>> = {
  '32-bit code without a libc goes on': {
    fromCriu: { why: EINTR, says: /FAIL: differs/, sometimes: true },
  },
  '32-bit: calls that wait go on waiting': saysEintr,
  '32-bit: a process whose leader has ended goes on': ended,
  '32-bit: a signal behind a stop interrupts a call': behind,
  '32-bit: a handler with SA_RESTART lets a call go on': behind,
  '32-bit: the actions of all signals return': losesTrap,
  '32-bit: timerfds keep their times': timesMoved,
};

/** By the name of the kernel test. */
export const KNOWN_FAILURES: Readonly<Record<string, KnownFailure>> = {
  'root with reduced capabilities, securebits, ambient set and no_new_privs stays so': limits,
  'an ordinary user stays one': limits,
  'real, effective and saved ids may differ': limits,
  'a user with capabilities keeps them': limits,
  'a child of root may be an ordinary user': limits,
  "limits of another user's process return": limits,
  'the parent-death signal of a user comes when its parent dies': limits,
  'filters that the program could not install any more': limits,
  'thread-local segments and selectors come back in each thread': toCriu(
    'CRIU leaves a 64-bit thread without the selectors of its segments',
    /gs is 0 \(0\), not \d+/,
  ),
  'directories are read on from where they were': toCriu(
    'CRIU drops O_DIRECTORY from the flags when it opens a directory',
    /flags:\\t0300000.* became .*flags:\\t0100000/,
  ),
  'a file made by O_TMPFILE can still be given a name': toCriu(
    'CRIU gives the file a name and takes it away, and then no other can be given',
    /linkat\(.*\) is -1/,
  ),
  'a pty keeps its settings, locks, size, packet mode, and descriptions of both sides': toCriu(
    'CRIU opens a slave that came from TIOCGPTPEER by its name, which adds O_LARGEFILE',
    /flags:\\t02\\n.* became .*flags:\\t0100002/,
  ),
  'a session has its controlling terminal, and the group in its foreground': both(
    'CRIU refuses a session whose terminal has its master in another one, and restores it without',
    /tty_nr: "\d+" became "0"/,
    /ctty inheritance detected sid\/pgrp \d+, no PTY peer with sid\/pgrp needed/,
  ),
  'a pty that is full in both directions keeps all of it': both('CRIU loses a part', HANGS),
  'lines remain lines, and one that is not complete is continued': both(
    'CRIU writes what a slave has to read again as one text, without the end of a line',
    /queued\(master\) is \d+/,
    /read\(slave, line, sizeof line\) is \d+/,
  ),
  'the queues of a locked pty in packet mode are kept': both(
    'CRIU takes the bytes that packet mode puts before each read for data, and writes to a locked slave',
    HANGS,
    /memcmp\(buffer, wanted, length\) is/,
  ),
  'what a program said to its terminal before it ended can still be read': both(
    'CRIU neither saves nor puts back what the other side of a master said before it was closed',
    HANGS_OR_INDEX,
  ),
  'Ctrl-S holds, and Ctrl-Q goes on': both(
    'CRIU has no place for a stopped terminal in its images',
    /write\(slave, "x", 1\) is 1/,
  ),
  'a deleted directory, and a file in it, stay open': toCriu(
    'CRIU removes the directory before the file in it, which fails',
    /lstat\(name, &st\) is 0/,
  ),
  'a FIFO whose reader has gone keeps what waits for the next': fromCriu(
    'CRIU does not save what is queued in a FIFO without a reader',
    /read\(reader, text, 15\) is -1/,
  ),
  'a FIFO without a writer yet waits for one': toCriu(
    'CRIU opens the FIFO for both, which its reader is told of as a hang-up',
    /events_of\(reader\) is 16/,
  ),
  'the highest descriptor numbers return': toCriu(
    'CRIU needs numbers above all saved ones',
    /Can't chose service_fd_base/,
  ),
  'a pipe in packet mode keeps its packets apart': packets(/read\(fd, bytes, asked\) is 4096/),
  'packets and plain bytes in one pipe stay what they are': packets(/sizeof bytes\) is 8203/),
  'packets in a FIFO, and from another description of an end, stay apart': packets(
    /Can't open fifo .*: Invalid argument/,
  ),
  'the open list of descriptors of a process that is gone stays open': fromCriu(
    'CRIU looks at it by fstat(2), which fails',
    /Can't stat fd \d+: No such file or directory/,
  ),
  'descriptors that are only a path lead to files of every type': pathOfFifo,
  'descriptors that are only a path keep deleted files': pathOfFifo,
  'POSIX locks stay, each of its own process, by range': fromCriu(
    'CRIU does not see the locks of a second process that has the same description',
    /found\.l_type is 2/,
  ),
  'owners of descriptors stay: processes, threads, groups, and their signals': toCriu(
    'CRIU sets owners before there are threads',
    /Can't setup \d+ file owner pid: No such process/,
  ),
  'personality stays': both(
    'CRIU does not set the personality, and reads the hexadecimal number in /proc as a decimal one',
    /personality: "00060000\\n" became "00000000\\n"/,
    /personality: "00060000\\n" became "0000ea60\\n"/,
  ),
  'a thread keeps its own personality and memory error policy': both(
    'CRIU does not set the personality, and knows none of a thread',
    /personality: "00200000\\n" became "00000000\\n"/,
  ),
  'a thread without a personality stays so under a leader with one': both(
    'CRIU does not set the personality, and reads it as a decimal number',
    /personality: "00040000\\n" became "00000000\\n"/,
    /personality: "00040000\\n" became "00009c40\\n"/,
  ),
  'a tree that denied itself memory both writable and executable is saved, and denies it on': both(
    'CRIU does not know PR_SET_MDWE',
    /now\.mdwe is 0/,
  ),
  'a chosen futex hash stays': both('CRIU does not know PR_FUTEX_HASH', /now\.futex_slots is 16/),
  'a process with threads and no futex hash of its own stays so': both(
    'CRIU does not know PR_FUTEX_HASH',
    /now\.futex_slots is 16/,
  ),
  'a dead child keeps a status above 127': toCriu(
    'CRIU keeps seven bits of the status that a dead process exited with',
    /status is 32512 \(0x7f00\), not 65280/,
  ),
  'inotify keeps watches by their numbers, and tells what happens afterwards': toCriu(
    'CRIU forgets IN_ONESHOT',
    /mask:80000004.* became/,
  ),
  'inotify tells that events are lost that nobody has read': both(
    'CRIU drops unread events without a word',
    /read\(fd, events, sizeof events\) is -1/,
  ),
  'inotify watches a symbolic link itself': both(
    'CRIU finds no path for a symbolic link, and opens none',
    /Unable to open fd=3/,
    /its watch \d+ has no path in the images/,
  ),
  'inotify and fanotify watch open files that are deleted, and files by another name': both(
    'CRIU finds no path for a deleted file, and brings the file back as another one than it watches',
    /event->mask is 1024/,
    /its watch \d+ has no path in the images/,
  ),
  'fanotify keeps marks of mounts and file systems': both(
    'CRIU has no place for marks of file systems in its images: it drops them, or marks a mount',
    /fanotify sdev:.* became .*fanotify mnt_id:/,
    /fanotify sdev:.* became/,
  ),
  'a memfd that was mapped once it was sealed can never be written': toCriu(
    'CRIU seals after it has mapped, and the kernel says EBUSY',
    /Cannot apply seals on memfd: Device or resource busy/,
  ),
  'memfds of huge pages keep content, holes and mappings': fromCriu(
    'CRIU saves what was never touched as zeros, which take up huge pages again',
    /st\.st_blocks \* 512 is 6291456/,
  ),
  'BPF arrays and hashes keep their elements': both(
    'this CRIU is built without libbpf',
    /Unknown file type 19/,
    /Can't dump file \d+ of that type \[600\] \(anon anon_inode:bpf-map\)/,
  ),
  'epoll keeps level, edge, one-shot and exclusive targets': toCriu(
    'CRIU arms one-shot targets that have fired for errors and hang-ups',
    /events: 40000000 .* became/,
  ),
  'epoll keeps targets whose number is closed or stands for something else': both(
    'CRIU adds a target under a number that leads to it',
    /lines_of\(epoll, first, "19"\) is 1/,
  ),
  'epoll keeps a target that only a child has open': both(
    'CRIU looks for targets in one process alone',
    /epoll: Can't add event on .*: Bad file descriptor/,
    /Dump eventpoll \(pid: \d+\) failed/,
  ),
  'an eventfd keeps a counter above 2^32, up to its limit': toCriu(
    'CRIU gives back the lower 32 bits',
    /eventfd-count: +123456789abcdef.* became .*eventfd-count: +89abcdef/,
  ),
  'an eventfd remains a semaphore': both(
    'CRIU has no place for EFD_SEMAPHORE in its images',
    /eventfd-semaphore: 1\\n" became .*eventfd-semaphore: 0/,
  ),
  'timerfds of all clocks keep the time that is left, absolute ones their time of the clock':
    timesMoved,
  'timerfds hear of a clock that is set': toCriu(
    'CRIU moves absolute times by what passed between dump and restore',
    /ns left, not/,
  ),
  'timerfds that wake the machine keep their time, too': both(
    'CRIU does not know their clocks',
    /Unknown clock type 8/,
  ),
  'timerfds keep expirations that nobody has read, and go on': fromCriu(
    'CRIU stops a periodic timer that has expired and waits to be read',
    /expirations, not/,
  ),
  'absolute POSIX timers of the clock of the day keep their time': both(
    'CRIU restores what was left of them',
    /ns left, not/,
  ),
  'POSIX timers of CLOCK_THREAD_CPUTIME_ID measure the thread that made them': makers(
    /timer \d+ of thread \d+ ends at/,
  ),
  'POSIX timers of CLOCK_THREAD_CPUTIME_ID run off by the time of their thread': makers(
    /owners\[i\]\.heard\[\w+\] is 0/,
  ),
  'POSIX timers of threads that work all the time, as a profiler has them': makers(
    /timer 0 of thread 1 ran off \d+ times while thread 0 worked/,
  ),
  'POSIX timers of a thread whose main thread has ended': ended,
  'a hundred threads with a timer of CLOCK_THREAD_CPUTIME_ID each':
    makers(/goals\[i\]\.from <= 5000/),
  'overruns of POSIX timers': toCriu(
    'CRIU does not restore overruns',
    /SYS_timer_getoverrun, i\) is 0/,
  ),
  'no signal of a timer is lost in the freeze, and none comes twice': {
    toCriu: { ...LOST_SHOTS, sometimes: true },
    fromCriu: { ...LOST_SHOTS, sometimes: true },
  },
  'a shared working directory stays shared': copies(
    /strcmp\(now, "\/"\) == 0 is 0/,
    /Can't make FS id/,
  ),
  'processes go on sharing memory alone': copies(HANGS),
  'processes go on sharing memory and signal handlers': copies(HANGS),
  'processes go on sharing memory, handlers, descriptors and directory': copies(HANGS),
  'tables are shared in every combination that clone(2) takes': copies(
    /the child of case 0x\w+ does not share table/,
  ),
  'who shares signal handlers is not told again of a child that has ended': fromCriu(
    'CRIU refuses what processes share',
    /Can't make VM id/,
  ),
  'a table shared past a process in between stays shared': copies(
    /lseek\(9, 0, SEEK_CUR\) is -1/,
    /Can't make FILES id/,
  ),
  'exit signals other than SIGCHLD return, and are told': both(
    'exit signals become SIGCHLD',
    /exit_signal: "10" became "17"/,
  ),
  'a process whose leader has ended goes on, and exits by another thread': ended,
  'a process whose leader has ended goes on, and ends with its last thread': ended,
  'orphans stay with whoever took them in, in groups and sessions without leaders': toCriu(
    'CRIU finds no helper for such sessions, in images of its own as little',
    /Can't find a session leader for/,
  ),
  'a stopped child stays stopped, and its parent hears nothing new': tellsParent(
    /status\.ShdPnd: "0+" became "0+10000"|waitpid\(child, .*WNOHANG\) is \d+/,
  ),
  'every thread of a stopped process stands still, and goes on': tellsParent(
    /status\.ShdPnd: "0+" became "0+10000"|waitpid\(child, .*WNOHANG\) is \d+/,
  ),
  'jobs stopped by SIGTSTP, SIGTTIN and SIGTTOU': fromCriu(
    'CRIU knows SIGSTOP and SIGTSTP alone',
    /unsupported stop signal 2[12]/,
  ),
  'signals that wait behind a stop': both(
    'CRIU runs a stopped process to stop it, which ends it by what waits for it, and cannot dump it then',
    /cmdline: .* became ""|Changed over dump/,
    /Can't infect \(pid: \d+\) with parasite|Unexpected \d+ task interruption/,
  ),
  'calls that wait go on waiting, and none says EINTR': saysEintr,
  'a signal that waited behind a stop interrupts the call that was stopped': behind,
  'a handler with SA_RESTART lets the call go on, where signal(7) says so': behind,
  'timer slack stays, per thread': both(
    'CRIU does not know timer slack',
    /timerslack_ns: "123456\\n" became "50000\\n"/,
  ),
  'coredump_filter stays': both('CRIU does not know coredump_filter', /became "00000033\\n"/),
  'every flag in VmFlags returns': both('CRIU does not know MLOCK_ONFAULT', / lo lf" became/),
  'guard pages guard again': toCriu('CRIU does not set guard pages again', / gu(?: lo)?" became/),
  'sealed memory is sealed again': both('CRIU does not know mseal(2)', / sl" became/),
  'memory of /dev/zero, write-only, locked and untouchable, once writable': both(
    'CRIU does not know MLOCK_ONFAULT',
    / lo lf" became/,
  ),
  'PR_SET_MEMORY_MERGE stays': both(
    'CRIU does not know PR_SET_MEMORY_MERGE',
    /the process has made other choices/,
  ),
  'a chosen time slice stays': both(
    'CRIU does not know sched_attr.sched_runtime',
    /now\.attr\.runtime is \d+/,
  ),
  'CPU affinity and I/O priority stay': affinity,
  'a thread keeps scheduling of its own': affinity,
  'the actions of all 62 signals return': losesTrap,
  'virtual consoles and the system console are opened again, and set as they were': toCriu(
    'CRIU does not make a console exclusive again',
    /is_on is 0/,
  ),
  'a serial line is opened again': both(
    'CRIU does not know the driver of serial lines',
    /Unable to find a tty driver/,
    /Can't dump file \d+ of that type \[20600\]/,
  ),
  'a tun descriptor without an interface can get one': fromCriu(
    'CRIU saves none without its network namespace',
    /Net namespace is required to dump tun link/,
  ),
  ...(NO_32_BIT === undefined ? of32BitCode : {}),
};

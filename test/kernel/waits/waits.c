// Children that wait in one system call each, frozen there. 'quiet': all of them go on waiting, and
// get what they wait for; none says EINTR. 'signalled', 'restarted': a signal with a handler waits
// behind a stop (SIGSTOP) over the checkpoint; when the process goes on, the handler runs, and the
// call says EINTR, or goes on if the handler has SA_RESTART and the call is one that restarts.
#include <linux/futex.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/select.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>

#include "woodfrog-test.h"

enum { CALLS_MAX = 32, FOREVER = 100000 };
static const int go = 36;  // a real-time signal

struct slot {
  long result;
  int error, handled, is_done, word;
};
static struct slot *slots;
static int at;

static void on_signal(int signal) { slots[at].handled++; }
static void just_return(int signal) {}

static int lines[2], full[2], events, epoll, timer, signals;
static struct timespec long_time = {FOREVER, 0};

static long in_pause(void) { return pause(); }
static long in_sigsuspend(void) {
  sigset_t set;
  sigemptyset(&set);
  return sigsuspend(&set);
}
static long in_nanosleep(void) { return nanosleep(&long_time, NULL); }
static long in_clock_nanosleep(void) {
  struct timespec until;
  clock_gettime(CLOCK_MONOTONIC, &until);
  until.tv_sec += FOREVER;
  errno = clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
  return errno == 0 ? 0 : -1;
}
static long in_poll(void) {
  struct pollfd fd = {.fd = lines[0], .events = POLLIN};
  return poll(&fd, 1, -1);
}
static long in_poll_timed(void) {
  struct pollfd fd = {.fd = lines[0], .events = POLLIN};
  return poll(&fd, 1, FOREVER * 1000);
}
static long in_ppoll(void) {
  struct pollfd fd = {.fd = lines[0], .events = POLLIN};
  sigset_t set;
  sigemptyset(&set);
  return ppoll(&fd, 1, &long_time, &set);
}
static long in_select(void) {
  fd_set set;
  FD_ZERO(&set);
  FD_SET(lines[0], &set);
  struct timeval time = {FOREVER, 0};
  return select(lines[0] + 1, &set, NULL, NULL, &time);
}
static long in_epoll_wait(void) {
  struct epoll_event event;
  return epoll_wait(epoll, &event, 1, -1);
}
static long in_epoll_pwait(void) {
  struct epoll_event event;
  sigset_t set;
  sigemptyset(&set);
  return epoll_pwait(epoll, &event, 1, FOREVER * 1000, &set);
}
static long in_futex(void) {
  return syscall(SYS_futex, &slots[at].word, FUTEX_WAIT, 0, NULL, NULL, 0);
}
static long in_futex_timed(void) {
  return syscall(SYS_futex, &slots[at].word, FUTEX_WAIT, 0, &long_time, NULL, 0);
}
static long in_read(void) {
  char byte;
  return read(lines[0], &byte, 1);
}
static long in_write(void) { return write(full[1], "x", 1); }
static long in_eventfd(void) {
  uint64_t value;
  return read(events, &value, 8);
}
static long in_timerfd(void) {
  uint64_t value;
  return read(timer, &value, 8);
}
static long in_signalfd(void) {
  struct signalfd_siginfo info;
  return read(signals, &info, sizeof info) == sizeof info ? 1 : -1;
}
static pid_t below;
static long in_wait(void) { return waitpid(below, NULL, 0) == below ? 1 : -1; }
static long in_waitid(void) {
  siginfo_t info;
  return waitid(P_PID, below, &info, WEXITED);
}
static long in_sigtimedwait(void) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, go);
  return syscall(SYS_rt_sigtimedwait, &set, NULL, NULL, 8);
}
static long in_sigtimedwait_timed(void) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, go);
  return syscall(SYS_rt_sigtimedwait, &set, NULL, &long_time, 8);
}

struct call {
  const char *name;
  long (*enter)(void);
  // What lets it go: a byte for its pipe, room in its pipe, its word, its number, a signal.
  enum { BYTE, ROOM, WORD, NUMBER, TIME, CHILD, SIGNAL, GO } by;
  // Whether it goes on behind a handler with SA_RESTART: signal(7).
  int restarts;
  int wanted;
} calls[] = {
    {"pause", in_pause, SIGNAL, 0, -1},
    {"sigsuspend", in_sigsuspend, SIGNAL, 0, -1},
    {"nanosleep", in_nanosleep, SIGNAL, 0, -1},
    {"clock_nanosleep", in_clock_nanosleep, SIGNAL, 0, -1},
    {"poll", in_poll, BYTE, 0, 1},
    {"timed poll", in_poll_timed, BYTE, 0, 1},
    {"ppoll", in_ppoll, BYTE, 0, 1},
    {"select", in_select, BYTE, 0, 1},
    {"epoll_wait", in_epoll_wait, BYTE, 0, 1},
    {"epoll_pwait", in_epoll_pwait, BYTE, 0, 1},
    {"futex", in_futex, WORD, 1, 0},
    {"timed futex", in_futex_timed, WORD, 0, 0},
    {"read", in_read, BYTE, 1, 1},
    {"write", in_write, ROOM, 1, 1},
    {"read of an eventfd", in_eventfd, NUMBER, 1, 8},
    {"read of a timerfd", in_timerfd, TIME, 1, 8},
    {"read of a signalfd", in_signalfd, GO, 1, 1},
    {"waitpid", in_wait, CHILD, 1, 1},
    {"waitid", in_waitid, CHILD, 1, 0},
    {"rt_sigtimedwait", in_sigtimedwait, GO, 0, 36},
    {"timed rt_sigtimedwait", in_sigtimedwait_timed, GO, 0, 36},
};
enum { CALLS = sizeof calls / sizeof *calls };

struct child {
  pid_t pid, below;
  int lines, full, events, timer;
} children[CALLS_MAX];

static void bear(int i) {
  sigset_t set;
  struct epoll_event event = {.events = EPOLLIN};
  char bytes[PAGE] = {0};
  check_equal(pipe(lines) | pipe2(full, O_NONBLOCK), 0);
  while (write(full[1], bytes, sizeof bytes) > 0) {
  }
  fcntl(full[1], F_SETFL, 0);
  events = eventfd(0, 0);
  timer = timerfd_create(CLOCK_MONOTONIC, 0);
  epoll = epoll_create1(0);
  check_equal(epoll_ctl(epoll, EPOLL_CTL_ADD, lines[0], &event), 0);
  sigemptyset(&set);
  sigaddset(&set, go);
  signals = signalfd(-1, &set, 0);
  pid_t pid = fork();
  if (pid == 0) {
    at = i;
    struct sigaction plain = {.sa_handler = on_signal};
    struct sigaction restarting = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    struct sigaction ending = {.sa_handler = just_return, .sa_flags = SA_RESTART};
    sigaction(SIGUSR1, &plain, NULL);
    sigaction(SIGUSR2, &restarting, NULL);
    sigaction(SIGCHLD, &ending, NULL);
    sigaddset(&set, SIGCHLD);
    // Taken off the mask by the calls that bring one of their own.
    if (calls[i].enter == in_sigsuspend || calls[i].enter == in_ppoll ||
        calls[i].enter == in_epoll_pwait)
      sigaddset(&set, SIGUSR1), sigaddset(&set, SIGUSR2);
    sigprocmask(SIG_BLOCK, &set, NULL);
    if (calls[i].by == CHILD) {
      below = fork();
      if (below == 0)
        for (;;) pause();
      slots[i].word = below;
    }
    long result = calls[i].enter();
    slots[i].result = result;
    slots[i].error = errno;
    slots[i].is_done = 1;
    if (calls[i].by == CHILD && result < 0) kill(below, SIGKILL);
    _exit(0);
  }
  children[i] = (struct child){pid, 0, lines[1], full[0], events, timer};
  close(lines[0]), close(full[1]), close(epoll), close(signals);
}

static char state_of(pid_t pid) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/stat", pid);
  FILE *file = fopen(path, "re");
  char state = '?';
  if (file == NULL) return state;
  check_equal(fscanf(file, "%*d (%*[^)]) %c", &state), 1);
  fclose(file);
  return state;
}
static void await_state(int i, char wanted) {
  for (int k = 0; state_of(children[i].pid) != wanted; k++) {
    if (k > 2000) fail("%s is in state %c, not %c", calls[i].name, state_of(children[i].pid), wanted);
    nap(5);
  }
}

static void let_go(int i) {
  struct child *child = &children[i];
  struct itimerspec now = {{0, 0}, {0, 1}};
  uint64_t one = 1;
  char bytes[2 * PAGE];
  switch (calls[i].by) {
    case BYTE: check_equal(write(child->lines, "b", 1), 1); break;
    case ROOM: check_equal(read(child->full, bytes, sizeof bytes), sizeof bytes); break;
    case WORD:
      for (int k = 0; syscall(SYS_futex, &slots[i].word, FUTEX_WAKE, 1, NULL, NULL, 0) != 1; k++) {
        if (k > 2000) fail("nobody waits in %s", calls[i].name);
        nap(5);
      }
      break;
    case NUMBER: check_equal(write(child->events, &one, 8), 8); break;
    case TIME: check_equal(timerfd_settime(child->timer, 0, &now, NULL), 0); break;
    case CHILD: check_equal(kill(slots[i].word, SIGKILL), 0); break;
    case SIGNAL: check_equal(kill(child->pid, SIGUSR1), 0); break;
    case GO: check_equal(kill(child->pid, go), 0); break;
  }
}

static void await_end(int i, int is_interrupted) {
  const char *name = calls[i].name;
  for (int k = 0; !slots[i].is_done; k++) {
    if (k > 2000) fail("%s does not return", name);
    nap(5);
  }
  int is_ended_by_signal = is_interrupted || calls[i].by == SIGNAL;
  long wanted = is_interrupted ? -1 : calls[i].wanted;
  if (slots[i].result != wanted)
    fail("%s returned %ld (%s), not %ld", name, slots[i].result, strerrorname_np(slots[i].error), wanted);
  if (is_ended_by_signal && slots[i].error != EINTR)
    fail("%s says %s", name, strerrorname_np(slots[i].error));
  must_exit_well(children[i].pid);
}

int main(int argc, char **argv) {
  setup(argc, argv);
  int is_quiet = strcmp(test_case, "quiet") == 0;
  int signo = strcmp(test_case, "restarted") == 0 ? SIGUSR2 : SIGUSR1;
  slots = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  for (int i = 0; i < CALLS; i++) bear(i);
  for (int i = 0; i < CALLS; i++) await_state(i, 'S');
  // In the call, and not before it.
  nap(200);
  for (int i = 0; i < CALLS; i++) await_state(i, 'S');
  for (int i = 0; i < CALLS && !is_quiet; i++) {
    check_equal(kill(children[i].pid, SIGSTOP), 0);
    await_state(i, 'T');
    check_equal(kill(children[i].pid, signo), 0);
  }

  ready();

  nap(100);
  for (int i = 0; i < CALLS; i++)
    if (slots[i].is_done) fail("%s has returned %ld (%s)", calls[i].name, slots[i].result, strerrorname_np(slots[i].error));
  for (int i = 0; i < CALLS; i++) {
    int is_interrupted = !is_quiet && (signo == SIGUSR1 || !calls[i].restarts);
    if (!is_quiet) {
      check_equal(kill(children[i].pid, SIGCONT), 0);
      for (int k = 0; slots[i].handled == 0; k++) {
        if (k > 2000) fail("the handler does not run in %s", calls[i].name);
        nap(5);
      }
    }
    if (!is_interrupted) let_go(i);
    await_end(i, is_interrupted);
    check_equal(slots[i].handled, is_quiet ? calls[i].by == SIGNAL : 1);
  }
  pass();
}

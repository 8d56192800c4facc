// An event loop with all there is to wait for: a pipe, an eventfd, a timerfd, a signalfd and inotify behind one epoll
// instance. A child and a thread count; the loop must hear of every number once, and in order. With the argument "rescan"
// it looks into the watched folder now and then, for those who lose events and do not say so.
#include <dirent.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>

#include "woodfrog-test.h"

enum { FROM_PIPE, FROM_EVENTFD, FROM_TIMER, FROM_SIGNAL, FROM_INOTIFY, SOURCES, FILES_MAX = 100000 };

static struct totals {
  long lines, signals, files;
} heard, sent;
static int eventfd_fd, stop_thread, ended, fds[SOURCES];
static long counted, thread_counted, ticks;
static char seen[FILES_MAX];

static void *count_on_eventfd(void *unused) {
  (void)unused;
  while (!__atomic_load_n(&stop_thread, __ATOMIC_SEQ_CST)) {
    uint64_t one = 1;
    check_equal(write(eventfd_fd, &one, 8), 8);
    thread_counted++;
    nap(1);
  }
  return NULL;
}

// Goes on until its control pipe is closed, then says how far it came.
static void child(int out, int control, pid_t parent) {
  for (long i = 0; i < FILES_MAX; i++) {
    char path[32];
    struct totals now = {i + 1, sent.signals, sent.files};
    check_equal(write(out, &now, sizeof now), sizeof now);
    if (i % 2 == 0) {
      // The queue of signals is finite.
      while (sigqueue(parent, SIGRTMIN, (union sigval){.sival_int = (int)sent.signals}) != 0) nap(1);
      sent.signals++;
    }
    if (i % 3 == 0) {
      snprintf(path, sizeof path, "watched/%ld", sent.files++);
      check_equal(mknod(path, S_IFREG | 0600, 0), 0);
    }
    char end;
    if (read(control, &end, 1) == 0) break;
    nap(1);
  }
  struct totals last = {-1, sent.signals, sent.files};
  check_equal(write(out, &last, sizeof last), sizeof last);
  _exit(0);
}

static void saw_file(const char *name) {
  long number = strtol(name, NULL, 10);
  check(number >= 0 && number < FILES_MAX);
  if (!seen[number]) heard.files++;
  seen[number] = 1;
}

static void scan(void) {
  DIR *folder = opendir("watched");
  check(folder != NULL);
  for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
    if (entry->d_name[0] != '.') saw_file(entry->d_name);
  }
  closedir(folder);
}

static void hear_pipe(void) {
  struct totals now;
  check_equal(read(fds[FROM_PIPE], &now, sizeof now), sizeof now);
  if (now.lines < 0) {
    sent = now;
    ended = 1;
  } else {
    check_equal(now.lines, ++heard.lines);
  }
}

static void hear_signals(void) {
  struct signalfd_siginfo info;
  while (read(fds[FROM_SIGNAL], &info, sizeof info) == sizeof info) check_equal(info.ssi_int, heard.signals++);
  check_equal(errno, EAGAIN);
}

static void hear_files(void) {
  char events[4096] __attribute__((aligned(8)));
  ssize_t length = read(fds[FROM_INOTIFY], events, sizeof events);
  check(length > 0);
  for (char *at = events; at < events + length;) {
    struct inotify_event *event = (struct inotify_event *)at;
    if (event->mask & IN_Q_OVERFLOW) {
      scan();
    } else {
      check_equal(event->mask, IN_CREATE);
      saw_file(event->name);
    }
    at += sizeof *event + event->len;
  }
}

static void hear(int source) {
  uint64_t number;
  if (source == FROM_PIPE) hear_pipe();
  if (source == FROM_SIGNAL) hear_signals();
  if (source == FROM_INOTIFY) hear_files();
  if (source == FROM_EVENTFD) {
    check_equal(read(eventfd_fd, &number, 8), 8);
    counted += number;
  }
  if (source == FROM_TIMER) {
    check_equal(read(fds[FROM_TIMER], &number, 8), 8);
    check(number > 0);
    ticks += number;
    if (strcmp(test_case, "rescan") == 0) scan();
  }
}

static int set_up(void) {
  check_equal(mkdir("watched", 0700), 0);
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGRTMIN);
  check_equal(pthread_sigmask(SIG_BLOCK, &signals, NULL), 0);
  fds[FROM_SIGNAL] = signalfd(-1, &signals, SFD_NONBLOCK | SFD_CLOEXEC);
  fds[FROM_EVENTFD] = eventfd_fd = eventfd(0, EFD_CLOEXEC);
  fds[FROM_TIMER] = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
  struct itimerspec every = {{0, 5000000}, {0, 5000000}};
  check_equal(timerfd_settime(fds[FROM_TIMER], 0, &every, NULL), 0);
  fds[FROM_INOTIFY] = inotify_init1(IN_CLOEXEC);
  check_equal(inotify_add_watch(fds[FROM_INOTIFY], "watched", IN_CREATE), 1);
  int out[2], control[2];
  check_equal(pipe2(out, O_CLOEXEC), 0);
  check_equal(pipe2(control, O_CLOEXEC | O_NONBLOCK), 0);
  fds[FROM_PIPE] = out[0];
  pid_t parent = getpid();
  if (fork() == 0) {
    close(control[1]);
    child(out[1], control[0], parent);
  }
  close(out[1]), close(control[0]);
  return control[1];
}

int main(int argc, char **argv) {
  setup(argc, argv);
  int control = set_up(), epoll = epoll_create1(EPOLL_CLOEXEC);
  pthread_t thread;
  check_equal(pthread_create(&thread, NULL, count_on_eventfd, NULL), 0);
  for (uint32_t i = 0; i < SOURCES; i++) {
    struct epoll_event event = {.events = EPOLLIN | (i == FROM_SIGNAL ? EPOLLET : 0), .data.u32 = i};
    check_equal(epoll_ctl(epoll, EPOLL_CTL_ADD, fds[i], &event), 0);
  }
  say("READY\n");
  long ticks_at_release = -1;
  while (!ended || heard.signals < sent.signals || heard.files < sent.files || counted < thread_counted) {
    struct epoll_event ready_ones[SOURCES];
    int count = epoll_wait(epoll, ready_ones, SOURCES, 10000);
    if (count < 0 && errno == EINTR) continue;
    check(count > 0);
    for (int i = 0; i < count; i++) hear(ready_ones[i].data.u32);
    if (ticks_at_release < 0 && released()) ticks_at_release = ticks;
    if (control >= 0 && ticks_at_release >= 0 && ticks > ticks_at_release + 10) {
      __atomic_store_n(&stop_thread, 1, __ATOMIC_SEQ_CST);
      check_equal(pthread_join(thread, NULL), 0);
      close(control);
      control = -1;
    }
  }
  check_equal(heard.files, sent.files);
  check_equal(counted, thread_counted);
  check(heard.lines > 10 && heard.signals > 5 && heard.files > 3 && counted > 10);
  int status;
  check(wait(&status) > 0);
  check_equal(status, 0);
  pass();
}

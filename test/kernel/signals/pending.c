// Pending signals: for the process and for single threads, with their values, senders and queue
// order.
#include "woodfrog-test.h"

static sigset_t all;
static pid_t sender;

static void queue_thread(pid_t tid, int signal, int value) {
  siginfo_t info = {.si_signo = signal, .si_code = SI_QUEUE};
  info.si_pid = 4321;
  info.si_uid = 99;
  info.si_value.sival_int = value;
  check_equal(syscall(SYS_rt_tgsigqueueinfo, getpid(), tid, signal, &info), 0);
}

// Takes the next pending signal, which must be this one.
static void expect(int signal, int code, pid_t pid, int uid, int value) {
  siginfo_t info;
  struct timespec now = {0, 0};
  // Not sigtimedwait(3), which tells SI_TKILL as SI_USER.
  int got = syscall(SYS_rt_sigtimedwait, &all, &info, &now, 8);
  if (got != signal) fail("pending signal is %d (errno %d), not %d", got, errno, signal);
  check_equal(info.si_code, code);
  check_equal(info.si_pid, pid);
  check_equal(info.si_uid, uid);
  if (code == SI_QUEUE) check_equal(info.si_value.sival_int, value);
}

static void expect_none(void) {
  struct timespec now = {0, 0};
  siginfo_t info;
  check_equal(sigtimedwait(&all, &info, &now), -1);
  check_equal(errno, EAGAIN);
}

static void *thread(void *arg) {
  queue_thread(gettid(), SIGUSR1, 5001);
  queue_thread(gettid(), SIGRTMIN + 3, 5003);
  queue_thread(gettid(), SIGRTMIN + 3, 5004);
  check_equal(syscall(SYS_tgkill, getpid(), gettid(), SIGINT), 0);
  mark("thread");
  await_mark("main-done");
  expect(SIGINT, SI_TKILL, getpid(), 0, 0);
  expect(SIGUSR1, SI_QUEUE, 4321, 99, 5001);
  expect(SIGRTMIN + 3, SI_QUEUE, 4321, 99, 5003);
  expect(SIGRTMIN + 3, SI_QUEUE, 4321, 99, 5004);
  expect_none();
  return NULL;
}

int main(int argc, char **argv) {
  setup(argc, argv);
  sigfillset(&all);
  // Blocked, an ignored signal stays queued, too.
  signal(SIGURG, SIG_IGN);
  sigprocmask(SIG_SETMASK, &all, NULL);
  sender = fork();
  if (sender == 0) {
    pid_t to = getppid();
    kill(to, SIGTERM);
    for (int i = 0; i < 5; i++) sigqueue(to, SIGRTMIN + 1, (union sigval){.sival_int = 1000 + i});
    sigqueue(to, SIGRTMAX, (union sigval){.sival_ptr = (void *)0x1234567890});
    sigqueue(to, SIGHUP, (union sigval){.sival_int = 17});
    sigqueue(to, SIGHUP, (union sigval){.sival_int = 18});  // Not queued twice: a standard signal.
    kill(to, SIGURG);
    _exit(0);
  }
  must_exit_well(sender);
  siginfo_t info;
  struct timespec now = {0, 0};
  sigset_t child;
  sigemptyset(&child);
  sigaddset(&child, SIGCHLD);
  check_equal(sigtimedwait(&child, &info, &now), SIGCHLD);
  queue_thread(gettid(), SIGUSR2, 3001);
  pthread_t other;
  pthread_create(&other, NULL, thread, NULL);
  await_mark("thread");

  ready();

  expect(SIGUSR2, SI_QUEUE, 4321, 99, 3001);
  expect(SIGHUP, SI_QUEUE, sender, 0, 17);
  expect(SIGTERM, SI_USER, sender, 0, 0);
  expect(SIGURG, SI_USER, sender, 0, 0);
  for (int i = 0; i < 5; i++) expect(SIGRTMIN + 1, SI_QUEUE, sender, 0, 1000 + i);
  check_equal(sigtimedwait(&all, &info, &now), SIGRTMAX);
  check(info.si_value.sival_ptr == (void *)0x1234567890);
  expect_none();
  mark("main-done");
  check_equal(pthread_join(other, NULL), 0);
  pass();
}

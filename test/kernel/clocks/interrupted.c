// Threads inside system calls that a checkpoint interrupts: sleeps end when they should, and waits
// go on waiting. What is left of a relative timeout lives in the kernel alone (restart_syscall(2)),
// so a restored sleep may say EINTR and be resumed by the program; in case 'strict', where the
// process is never replaced, none may.
#include <linux/futex.h>
#include <poll.h>
#include <sys/select.h>

#include "woodfrog-test.h"

static int64_t now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1000000000ll + t.tv_nsec;
}
static const int64_t second = 1000000000ll;
static int never[2], later[2];
static int futex_word, futex_timed;

static void at(const char *what, int64_t begun, int64_t wanted) {
  int64_t took = now() - begun;
  // A call that a restore issues again waits its whole time anew; a slow machine takes longer still.
  if (took < wanted || took > 2 * wanted + 2 * second)
    fail("%s took %lld ns, not %lld", what, (long long)took, (long long)wanted);
}

// Each sleeper takes two seconds on the monotonic clock.
static void may_be_interrupted(void) {
  check_equal(errno, EINTR);
  if (strcmp(test_case, "strict") == 0) fail("a system call was interrupted");
}
static void *in_nanosleep(void *arg) {
  int64_t begun = now();
  struct timespec left = {2, 0};
  while (nanosleep(&left, &left) != 0) may_be_interrupted();
  at("nanosleep", begun, 2 * second);
  return NULL;
}
static void *in_clock_nanosleep(void *arg) {
  int64_t begun = now(), end = begun + 2 * second;
  struct timespec until = {end / second, end % second};
  check_equal(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL), 0);
  at("absolute clock_nanosleep", begun, 2 * second);
  return NULL;
}
static void *in_poll(void *arg) {
  struct pollfd fd = {.fd = never[0], .events = POLLIN};
  int64_t begun = now();
  int got;
  while ((got = poll(&fd, 1, 2000 - (now() - begun) / 1000000)) < 0) may_be_interrupted();
  check_equal(got, 0);
  at("poll", begun, 1999 * second / 1000);
  return NULL;
}
static void *in_futex_timed(void *arg) {
  int64_t begun = now();
  for (;;) {
    int64_t left = begun + 2 * second - now();
    struct timespec timeout = {left / second, left % second};
    check_equal(syscall(SYS_futex, &futex_timed, FUTEX_WAIT, 0, &timeout, NULL, 0), -1);
    if (errno == ETIMEDOUT) break;
    may_be_interrupted();
  }
  at("timed futex wait", begun, 2 * second);
  return NULL;
}
static void *in_ppoll(void *arg) {
  struct pollfd fd = {.fd = later[0], .events = POLLIN};
  check_equal(ppoll(&fd, 1, NULL, NULL), 1);
  check_equal(fd.revents, POLLIN);
  return NULL;
}
static void *in_select(void *arg) {
  fd_set set;
  FD_ZERO(&set);
  FD_SET(later[0], &set);
  check_equal(select(later[0] + 1, &set, NULL, NULL, NULL), 1);
  return NULL;
}
static void *in_futex(void *arg) {
  check_equal(syscall(SYS_futex, &futex_word, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0), 0);
  return NULL;
}
static void *in_sigwait(void *arg) {
  sigset_t set;
  int got;
  sigemptyset(&set);
  sigaddset(&set, SIGUSR2);
  check_equal(sigwait(&set, &got), 0);
  check_equal(got, SIGUSR2);
  return NULL;
}
static int readable[2];
static void *in_read(void *arg) {
  char byte;
  check_equal(read(readable[0], &byte, 1), 1);
  check_equal(byte, 'r');
  return NULL;
}
static void *in_waitpid(void *arg) {
  must_exit_well(*(pid_t *)arg);
  return NULL;
}

int main(int argc, char **argv) {
  setup(argc, argv);
  sigset_t blocked;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGUSR2);
  sigprocmask(SIG_BLOCK, &blocked, NULL);
  check_equal(pipe(never) | pipe(later) | pipe(readable), 0);
  pid_t child = fork();
  if (child == 0) {
    mark("child");
    wait_release();
    _exit(0);
  }
  await_mark("child");
  void *(*bodies[])(void *) = {in_nanosleep, in_clock_nanosleep, in_poll,  in_futex_timed,
                               in_ppoll,     in_select,          in_futex, in_sigwait,
                               in_read,      in_waitpid};
  enum { BODIES = sizeof bodies / sizeof *bodies };
  pthread_t threads[BODIES];
  for (int i = 0; i < BODIES; i++)
    check_equal(pthread_create(&threads[i], NULL, bodies[i], &child), 0);
  nap(100);

  ready();

  check_equal(write(later[1], "l", 1), 1);
  check_equal(write(readable[1], "r", 1), 1);
  check_equal(kill(getpid(), SIGUSR2), 0);
  check_equal(syscall(SYS_futex, &futex_word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0), 1);
  for (int i = 0; i < BODIES; i++) check_equal(pthread_join(threads[i], NULL), 0);
  pass();
}

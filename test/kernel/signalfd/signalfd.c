// signalfds: their sets, signals that are pending for them with their values, flags, and a set that was changed.
#include <sys/signalfd.h>

#include "woodfrog-test.h"

static sigset_t set_of(int first, int second) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, first);
  if (second) sigaddset(&set, second);
  return set;
}

static struct signalfd_siginfo next(int fd) {
  struct signalfd_siginfo info = {0};
  check_equal(read(fd, &info, sizeof info), sizeof info);
  return info;
}

int main(int argc, char **argv) {
  setup(argc, argv);
  int last = SIGRTMAX;
  sigset_t users = set_of(SIGUSR1, SIGUSR2), queued = set_of(last, 0), none, all;
  sigemptyset(&none);
  sigfillset(&all);
  sigprocmask(SIG_BLOCK, &all, NULL);
  int user = signalfd(-1, &none, SFD_NONBLOCK), real = signalfd(-1, &queued, SFD_CLOEXEC);
  int empty = signalfd(-1, &none, SFD_NONBLOCK);
  check_equal(signalfd(user, &users, 0), user);
  check_equal(kill(getpid(), SIGUSR1), 0);
  for (int i = 0; i < 3; i++) {
    check_equal(sigqueue(getpid(), last, (union sigval){.sival_int = 100 + i}), 0);
  }

  ready();

  check_equal(fcntl(user, F_GETFL), O_RDWR | O_NONBLOCK);
  check_equal(fcntl(real, F_GETFL), O_RDWR);
  check_equal(fcntl(real, F_GETFD), FD_CLOEXEC);
  struct signalfd_siginfo info = next(user);
  check_equal(info.ssi_signo, SIGUSR1);
  check_equal(info.ssi_pid, getpid());
  check_equal(read(user, &info, sizeof info), -1);
  check_equal(errno, EAGAIN);
  for (int i = 0; i < 3; i++) {
    info = next(real);
    check_equal(info.ssi_signo, last);
    check_equal(info.ssi_int, 100 + i);
  }
  check_equal(kill(getpid(), SIGUSR2), 0);
  check_equal(read(empty, &info, sizeof info), -1);
  check_equal(next(user).ssi_signo, SIGUSR2);
  pass();
}

// A descriptor table that a process shares with its grandchild, but not with the child between.
#include <sched.h>

#include "woodfrog-test.h"

static char stack[65536] __attribute__((aligned(16)));

static int grandchild(void *arg) {
  mark("grandchild");
  await_mark("opened");
  check_equal(lseek(9, 0, SEEK_CUR), 3);
  return 0;
}

static int child(void *arg) {
  pid_t pid = clone(grandchild, stack + sizeof stack, CLONE_FILES | SIGCHLD, NULL);
  check(pid > 0);
  check_equal(unshare(CLONE_FILES), 0);
  dup2(1, 17);
  mark("child");
  await_mark("opened");
  check_equal(fcntl(9, F_GETFD), -1);
  check_equal(fcntl(17, F_GETFD), 0);
  must_exit_well(pid);
  return 0;
}

int main(int argc, char **argv) {
  static char own[65536] __attribute__((aligned(16)));
  setup(argc, argv);
  pid_t pid = clone(child, own + sizeof own, CLONE_FILES | SIGCHLD, NULL);
  check(pid > 0);
  await_mark("child");
  await_mark("grandchild");

  ready();

  int fd = open("new", O_CREAT | O_RDWR, 0600);
  check_equal(write(fd, "abc", 3), 3);
  check_equal(dup2(fd, 9), 9);
  check_equal(fcntl(17, F_GETFD), -1);
  mark("opened");
  must_exit_well(pid);
  pass();
}

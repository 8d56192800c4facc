// Processes that share one descriptor table (CLONE_FILES), or root, directory and umask (CLONE_FS),
// go on sharing.
#include <sched.h>

#include "woodfrog-test.h"

static char stack[65536] __attribute__((aligned(16)));

static int shares(const char *what) { return strcmp(test_case, what) == 0; }

static int child(void *arg) {
  mark("child");
  await_mark("opened");
  // What the parent opened after the checkpoint is here as well, and the other way round.
  check_equal(lseek(9, 0, SEEK_CUR), shares("files") ? 3 : -1);
  check_equal(chdir("/"), 0);
  check(open("/dev/zero", O_RDONLY) >= 0);
  return 0;
}

int main(int argc, char **argv) {
  setup(argc, argv);
  pid_t pid = clone(child, stack + sizeof stack,
                    (shares("files") ? CLONE_FILES : CLONE_FS) | SIGCHLD, NULL);
  check(pid > 0);
  await_mark("child");

  ready();

  int fd = open("new", O_CREAT | O_RDWR, 0600);
  check_equal(write(fd, "abc", 3), 3);
  check_equal(dup2(fd, 9), 9);
  int before = dup(1);
  close(before);
  mark("opened");
  must_exit_well(pid);
  char now[4096];
  check(getcwd(now, sizeof now) != NULL);
  check_equal(strcmp(now, "/") == 0, shares("fs"));
  // The child's last open took the lowest free number of the common table.
  check_equal(fcntl(before, F_GETFD) >= 0, shares("files"));
  pass();
}

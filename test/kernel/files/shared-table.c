// Processes that share one descriptor table (CLONE_FILES), or one fs_struct (CLONE_FS), go on sharing it.
#include <sched.h>

#include "woodfrog-test.h"

static char stack[65536] __attribute__((aligned(16)));
static int passed_by = -1;

static int child(void *arg) {
  mark("child");
  await_mark("opened");
  // What the parent opened after the checkpoint is here as well, and the other way round.
  if (lseek(passed_by, 0, SEEK_CUR) != 3) return 1;
  if (chdir("/") != 0) return 2;
  return open("/dev/zero", O_RDONLY) < 0;
}

int main(int argc, char **argv) {
  setup(argc, argv);
  // CLONE_VM would be a thread or a vfork; the number is told through memory shared otherwise.
  int *number = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  passed_by = 9;
  pid_t pid = clone(child, stack + sizeof stack, CLONE_FILES | CLONE_FS | SIGCHLD, number);
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
  char now[100];
  check(getcwd(now, sizeof now) != NULL);
  check_text(now, "/");
  // The child's last open took the lowest free number of the common table.
  check(fcntl(before, F_GETFD) >= 0);
  pass();
}

// Regular files: position, flags, append and close-on-exec; two descriptions of one file stay two,
// and duplicates stay one, within a process and across fork(2).
#include <linux/kcmp.h>

#include "woodfrog-test.h"

static int same(pid_t other, int ours, int theirs) {
  return syscall(SYS_kcmp, getpid(), other, KCMP_FILE, ours, theirs) == 0;
}

int main(int argc, char **argv) {
  setup(argc, argv);
  int all = open("data", O_CREAT | O_RDWR, 0640);
  check_equal(write(all, "0123456789abcdef", 16), 16);
  check_equal(lseek(all, 5, SEEK_SET), 5);
  int second = open("data", O_RDONLY | O_CLOEXEC);
  check_equal(lseek(second, 11, SEEK_SET), 11);
  int copy = dup(all), high = fcntl(all, F_DUPFD_CLOEXEC, 77);
  check_equal(high, 77);
  int append = open("log", O_CREAT | O_WRONLY | O_APPEND | O_NOATIME, 0600);
  check_equal(write(append, "first ", 6), 6);
  int beyond = open("data", O_RDWR | O_NONBLOCK | O_DSYNC);
  check_equal(lseek(beyond, 1ll << 40, SEEK_SET), 1ll << 40);
  int empty = open("empty", O_CREAT | O_RDONLY, 0);
  int path = open("data", O_PATH), renamed = open("old name", O_CREAT | O_RDWR, 0600);
  check_equal(rename("old name", "new name"), 0);
  pid_t child = fork();
  if (child == 0) {
    check_equal(close(second), 0);
    int own = open("data", O_RDONLY);
    check_equal(own, second);
    mark("child");
    wait_release();
    await_mark("parent-looked");
    check(same(getppid(), all, copy) && same(getppid(), all, all) && !same(getppid(), own, own));
    // One common position.
    check_equal(lseek(all, 0, SEEK_CUR), 7);
    check_equal(lseek(all, 2, SEEK_SET), 2);
    _exit(0);
  }
  await_mark("child");

  ready();

  check_equal(lseek(all, 0, SEEK_CUR), 5);
  check_equal(lseek(second, 0, SEEK_CUR), 11);
  check_equal(lseek(beyond, 0, SEEK_CUR), 1ll << 40);
  check(same(getpid(), all, copy) && same(getpid(), all, high));
  check(!same(getpid(), all, second) && !same(getpid(), all, beyond));
  char two[3] = {0};
  check_equal(read(copy, two, 2), 2);
  check_text(two, "56");
  mark("parent-looked");
  must_exit_well(child);
  check_equal(lseek(copy, 0, SEEK_CUR), 2);
  check_equal(fcntl(all, F_GETFD), 0);
  check_equal(fcntl(second, F_GETFD), FD_CLOEXEC);
  check_equal(fcntl(high, F_GETFD), FD_CLOEXEC);
  check_equal(fcntl(copy, F_GETFD), 0);
  check_equal(fcntl(second, F_GETFL) & O_ACCMODE, O_RDONLY);
  check_equal(fcntl(append, F_GETFL) & (O_ACCMODE | O_APPEND | O_NOATIME),
              O_WRONLY | O_APPEND | O_NOATIME);
  check_equal(fcntl(beyond, F_GETFL) & (O_ACCMODE | O_NONBLOCK | O_DSYNC),
              O_RDWR | O_NONBLOCK | O_DSYNC);
  check(fcntl(path, F_GETFL) & O_PATH);
  check_equal(read(path, two, 1), -1);
  check_equal(errno, EBADF);
  int other = open("log", O_WRONLY | O_APPEND);
  check_equal(write(other, "other ", 6), 6);
  check_equal(write(append, "second", 6), 6);
  struct stat st;
  check_equal(fstat(append, &st), 0);
  check_equal(st.st_size, 18);
  check_equal(read(empty, two, 1), 0);
  check_equal(write(second, "x", 1), -1);
  check_equal(errno, EBADF);
  char link[4096] = {0}, name[64];
  snprintf(name, sizeof name, "/proc/self/fd/%d", renamed);
  check(readlink(name, link, sizeof link - 1) > 0);
  check_text(strrchr(link, '/'), "/new name");
  pass();
}

// The character devices that hold no state: they work, with their flags.
#include <sys/sysmacros.h>

#include "woodfrog-test.h"

int main(int argc, char **argv) {
  setup(argc, argv);
  const char *names[] = {"/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom"};
  int fds[5];
  struct stat before[5], after;
  for (int i = 0; i < 5; i++) {
    fds[i] = open(names[i], O_RDWR | (i % 2 ? O_NONBLOCK : 0));
    check(fds[i] >= 0);
    check_equal(fstat(fds[i], &before[i]), 0);
  }
  int append = open("/dev/null", O_WRONLY | O_APPEND | O_CLOEXEC);

  ready();

  for (int i = 0; i < 5; i++) {
    check_equal(fstat(fds[i], &after), 0);
    check_equal(after.st_rdev, before[i].st_rdev);
    check_equal(after.st_ino, before[i].st_ino);
    check_equal(fcntl(fds[i], F_GETFL) & (O_ACCMODE | O_NONBLOCK),
                O_RDWR | (i % 2 ? O_NONBLOCK : 0));
  }
  check_equal(fcntl(append, F_GETFL) & (O_ACCMODE | O_APPEND), O_WRONLY | O_APPEND);
  unsigned char bytes[64] = {1};
  check_equal(read(fds[0], bytes, 1), 0);
  check_equal(write(fds[0], bytes, 64), 64);
  check_equal(read(fds[1], bytes, 64), 64);
  for (int i = 0; i < 64; i++) check_equal(bytes[i], 0);
  check_equal(write(fds[2], bytes, 1), -1);
  check_equal(errno, ENOSPC);
  for (int fd = 3; fd <= 4; fd++) {
    memset(bytes, 0, 64);
    check_equal(read(fds[fd], bytes, 64), 64);
    int set = 0;
    for (int i = 0; i < 64; i++) set += bytes[i] != 0;
    check(set > 32);
  }
  pass();
}

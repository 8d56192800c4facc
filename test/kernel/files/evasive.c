// /dev/null under a path of its own, which is lost before the checkpoint ('lost') or between dump and restore ('kept').
#include <sys/sysmacros.h>

#include "woodfrog-test.h"

int main(int argc, char **argv) {
  setup(argc, argv);
  if (mknod("null", S_IFCHR | 0600, makedev(1, 3)) != 0) skip("cannot make a device here");
  int fd = open("null", O_RDWR | O_APPEND);
  if (fd < 0) skip("devices cannot be opened here");
  if (strcmp(test_case, "lost") == 0) check_equal(unlink("null"), 0);

  ready();

  char byte, path[64], target[4096];
  check_equal(write(fd, "x", 1), 1);
  check_equal(read(fd, &byte, 1), 0);
  check_equal(fcntl(fd, F_GETFL) & (O_ACCMODE | O_APPEND), O_RDWR | O_APPEND);
  struct stat found;
  check_equal(fstat(fd, &found), 0);
  check_equal(found.st_rdev, makedev(1, 3));
  snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(path, target, sizeof target - 1);
  check(length > 0);
  target[length] = 0;
  say("LINK %s\n", target);
  pass();
}

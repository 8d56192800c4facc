// Descriptor numbers: high ones, some above the soft RLIMIT_NOFILE, with holes between; standard
// ones closed or exchanged.
#include <sys/resource.h>

#include "woodfrog-test.h"

int main(int argc, char **argv) {
  setup(argc, argv);
  struct rlimit limit = {2000, 4000};
  check_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
  const int numbers[] = {10, 63, 64, 255, 256, 900, 1023, 1024, 1999};
  for (int i = 0; i < 9; i++) {
    char name[16];
    snprintf(name, sizeof name, "file%d", numbers[i]);
    int fd = open(name, O_CREAT | O_RDWR, 0600);
    check_equal(dup2(fd, numbers[i]), numbers[i]);
    close(fd);
    check_equal(write(numbers[i], name, strlen(name)), strlen(name));
  }
  limit.rlim_cur = 100;
  check_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
  check_equal(close(0), 0);
  check_equal(open("file900", O_WRONLY), 0);
  check_equal(close(2), 0);

  ready();

  for (int i = 0; i < 9; i++) {
    char name[16], found[16] = {0};
    snprintf(name, sizeof name, "file%d", numbers[i]);
    check_equal(lseek(numbers[i], 0, SEEK_CUR), strlen(name));
    check(pread(numbers[i], found, 15, 0) > 0);
    check_text(found, name);
  }
  check_equal(fcntl(0, F_GETFL) & O_ACCMODE, O_WRONLY);
  check_equal(fcntl(2, F_GETFD), -1);
  check_equal(fcntl(11, F_GETFD), -1);
  check_equal(dup2(1, 150), -1);
  check_equal(errno, EBADF);
  // The lowest free number is found as ever.
  check_equal(dup(1), 2);
  pass();
}

// Directories: reading goes on at the saved position, and openat(2) finds what it found before.
#include <dirent.h>

#include "woodfrog-test.h"

static char seen[64][32];
static int count;

int main(int argc, char **argv) {
  setup(argc, argv);
  check_equal(mkdir("folder", 0700), 0);
  int folder = open("folder", O_RDONLY | O_DIRECTORY),
      path = open("folder", O_PATH | O_DIRECTORY | O_CLOEXEC);
  for (int i = 0; i < 40; i++) {
    char name[32];
    snprintf(name, sizeof name, "entry-%d", i);
    close(openat(folder, name, O_CREAT | O_WRONLY, 0600));
  }
  // Straight from the kernel, in small bites: nothing is buffered by libc.
  char buffer[256];
  for (int round = 0;; round++) {
    if (round == 3) ready();
    ssize_t length = syscall(SYS_getdents64, folder, buffer, sizeof buffer);
    check(length >= 0);
    if (length == 0) break;
    for (ssize_t at = 0; at < length;) {
      struct dirent64 *entry = (void *)(buffer + at);
      snprintf(seen[count++], 32, "%.31s", entry->d_name);
      at += entry->d_reclen;
    }
  }
  check_equal(count, 42);
  for (int i = 0; i < count; i++)
    for (int j = 0; j < i; j++)
      if (strcmp(seen[i], seen[j]) == 0) fail("'%s' came twice", seen[i]);
  int fd = openat(path, "entry-7", O_RDWR);
  check(fd >= 0);
  check_equal(fcntl(path, F_GETFD), FD_CLOEXEC);
  check(fcntl(folder, F_GETFL) & O_DIRECTORY);
  check_equal(fchdir(folder), 0);
  check_equal(access("entry-39", F_OK), 0);
  pass();
}

// Ptys with numbers that nobody takes between a dump and a restore: the kernel gives the lowest free one.
#pragma once
#include "woodfrog-test.h"
#include <sys/ioctl.h>
#include <termios.h>

UNUSED static int index_of(int master) {
  int index = -1;
  check_equal(ioctl(master, TIOCGPTN, &index), 0);
  return index;
}

UNUSED static int open_master_flags(int flags) {
  int below[100], count = 0, master;
  int wanted = 10 + getpid() % 16;
  for (;;) {
    master = posix_openpt(flags | O_NOCTTY);
    check(master >= 0);
    if (index_of(master) >= wanted) break;
    check(count < 100);
    below[count++] = master;
  }
  // The numbers of those below are free again.
  int moved = fcntl(master, F_DUPFD, count > 0 ? below[0] : master);
  if (count > 0) {
    close(master);
    for (int i = 0; i < count; i++)
      if (below[i] != moved) close(below[i]);
    int low = fcntl(moved, F_DUPFD, 3);
    if (low < moved) {
      close(moved);
      moved = low;
    } else {
      close(low);
    }
  }
  check_equal(unlockpt(moved), 0);
  return moved;
}

UNUSED static int open_master(void) {
  return open_master_flags(O_RDWR);
}

UNUSED static int open_slave(int master, int flags) {
  int fd = open(ptsname(master), flags | O_NOCTTY);
  check(fd >= 0);
  return fd;
}

UNUSED static void make_raw(int fd) {
  struct termios raw;
  check_equal(tcgetattr(fd, &raw), 0);
  cfmakeraw(&raw);
  check_equal(tcsetattr(fd, TCSANOW, &raw), 0);
}

// Reads exactly so much, in as many pieces as come; the descriptor may be one that blocks.
UNUSED static void must_read(int fd, const void *wanted, size_t length) {
  static char buffer[65536];
  size_t done = 0;
  while (done < length) {
    ssize_t count = read(fd, buffer + done, length - done);
    if (count <= 0) fail("%zu bytes of %zu could be read", done, length);
    done += (size_t)count;
  }
  check_equal(memcmp(buffer, wanted, length), 0);
}

UNUSED static int queued(int fd) {
  int count = -1;
  check_equal(ioctl(fd, FIONREAD, &count), 0);
  return count;
}

// Open files of which a part is outside the tree. What comes back is handed in by who restores: descriptor 10, and
// 11, another description of the same, and 12, a duplicate of 10.
#include <linux/kcmp.h>
#include <sys/mount.h>

#include "woodfrog-test.h"

static int is_same(int a, int b) {
  return syscall(SYS_kcmp, getpid(), getpid(), KCMP_FILE, a, b) == 0;
}

static void at_ten(int fd) {
  check(fd >= 0);
  if (fd == 10) return;
  check_equal(dup2(fd, 10), 10);
  close(fd);
}

static void reopen(int flags) {
  int fd = open("/proc/self/fd/10", flags);
  check(fd >= 0);
  check_equal(dup2(fd, 11), 11);
  close(fd);
}

static void check_sharing(void) {
  check(is_same(10, 12));
  check(!is_same(10, 11));
}

static void check_read(int fd, const char *wanted) {
  char text[64] = {0};
  size_t got = 0, length = strlen(wanted);
  while (got < length) {
    ssize_t n = read(fd, text + got, length - got);
    if (n < 0 && errno == EAGAIN) {
      nap(5);
      continue;
    }
    check(n > 0);
    got += n;
  }
  check_text(text, wanted);
}

// 10 is the writing end of a pipe; the test has the other.
static void play_writer(void) {
  check_equal(fcntl(10, F_SETFL, O_NONBLOCK), 0);
  reopen(O_WRONLY);
  check_equal(dup2(10, 12), 12);
  check_equal(write(10, "before", 6), 6);
  ready();
  check_sharing();
  check_equal(fcntl(10, F_GETFL) & (O_ACCMODE | O_NONBLOCK), O_WRONLY | O_NONBLOCK);
  check_equal(fcntl(11, F_GETFL) & (O_ACCMODE | O_NONBLOCK), O_WRONLY);
  check_equal(write(10, "after ", 6), 6);
  check_equal(write(11, "again", 5), 5);
  close(10), close(11), close(12);
  mark("closed");
  await_mark("seen");
}

// Anything that can be written to may be in its place.
static void play_logger(void) {
  check_equal(dup2(10, 12), 12);
  check_equal(write(10, "before", 6), 6);
  ready();
  check(is_same(10, 12));
  check_equal(write(10, "after ", 6), 6);
  check_equal(write(12, "again", 5), 5);
}

// 10 is the reading end; the test writes.
static void play_reader(void) {
  check_equal(fcntl(10, F_SETFL, 0), 0);
  check_equal(dup2(10, 12), 12);
  reopen(O_RDONLY | O_NONBLOCK);
  ready();
  check_sharing();
  check_equal(fcntl(10, F_GETFL) & (O_ACCMODE | O_NONBLOCK), O_RDONLY);
  check_equal(fcntl(11, F_GETFL) & (O_ACCMODE | O_NONBLOCK), O_RDONLY | O_NONBLOCK);
  check_read(10, "queued");
  check_read(11, "new");
}

static void play_path(void) {
  at_ten(open("data", O_CREAT | O_RDWR, 0600));
  check_equal(write(10, "not this one", 12), 12);
  check_equal(dup2(10, 12), 12);
  ready();
  check(is_same(10, 12));
  check_read(10, "handed in");
  check_equal(write(12, "!", 1), 1);
}

// On a mount that nobody has any more.
static void play_file(void) {
  check_equal(mkdir("mounted", 0700), 0);
  if (mount("none", "mounted", "tmpfs", 0, "size=1m") != 0) skip("cannot mount here");
  at_ten(open("mounted/file", O_CREAT | O_RDWR | O_APPEND, 0600));
  check_equal(write(10, "0123456789", 10), 10);
  check_equal(umount2("mounted", MNT_DETACH), 0);
  check_equal(lseek(10, 4, SEEK_SET), 4);
  reopen(O_RDONLY);
  check_equal(lseek(11, 2, SEEK_SET), 2);
  check_equal(dup2(10, 12), 12);
  ready();
  check_sharing();
  check_equal(fcntl(10, F_GETFL) & (O_ACCMODE | O_APPEND), O_RDWR | O_APPEND);
  check_equal(fcntl(11, F_GETFL) & (O_ACCMODE | O_APPEND), O_RDONLY);
  check_read(10, "ed in");
  check_read(11, "nd");
  check_equal(lseek(12, 0, SEEK_CUR), 9);
}

// 10 is the writing end of a pipe, and 14 a terminal; 11 is a file on a mount that nobody has any more.
static void play_several(void) {
  check_equal(mkdir("mounted", 0700), 0);
  if (mount("none", "mounted", "tmpfs", 0, "size=1m") != 0) skip("cannot mount here");
  int fd = open("mounted/file", O_CREAT | O_RDWR, 0600);
  check_equal(write(fd, "0123456789", 10), 10);
  check_equal(dup2(fd, 11), 11);
  close(fd);
  check_equal(umount2("mounted", MNT_DETACH), 0);
  check_equal(lseek(11, 0, SEEK_SET), 0);
  ready();
  check_equal(write(10, "piped", 5), 5);
  check_read(11, "handed in ");
  check(isatty(14));
  check_equal(write(14, "shown\n", 6), 6);
}

// Opened for both directions it needs nobody else; what waits in it is its own.
static void play_fifo_both(void) {
  check_equal(mkfifo("fifo", 0600), 0);
  at_ten(open("fifo", O_RDWR | O_NONBLOCK));
  check_equal(write(10, "queued", 6), 6);
  check_equal(dup2(10, 12), 12);
  ready();
  check(is_same(10, 12));
  check_equal(fcntl(10, F_GETFL) & (O_ACCMODE | O_NONBLOCK), O_RDWR | O_NONBLOCK);
  check_read(10, "queuednew");
  check_equal(write(10, "after again", 11), 11);
}

static void play_block(void) {
  at_ten(open("/dev/loop0", O_RDONLY));
  reopen(O_RDONLY);
  check_equal(dup2(10, 12), 12);
  struct stat before, now;
  check_equal(fstat(10, &before), 0);
  ready();
  check_sharing();
  check_equal(fstat(10, &now), 0);
  check_equal(now.st_rdev, before.st_rdev);
  check_equal(fcntl(11, F_GETFL) & O_ACCMODE, O_RDONLY);
}

static void make_fifo(void) {
  check_equal(mkfifo("fifo", 0600), 0);
  mark("fifo");
  await_mark("outside");
}

static void play_fifo_reader(void) {
  make_fifo();
  at_ten(open("fifo", O_RDONLY | O_NONBLOCK));
  check_equal(fcntl(10, F_SETFL, 0), 0);
  check_equal(dup2(10, 12), 12);
  reopen(O_RDONLY | O_NONBLOCK);
  ready();
  check_sharing();
  check_equal(fcntl(10, F_GETFL) & (O_ACCMODE | O_NONBLOCK), O_RDONLY);
  check_read(10, "queued");
  check_read(11, "new");
}

static void play_fifo_writer(void) {
  make_fifo();
  at_ten(open("fifo", O_WRONLY));
  play_writer();
}

static void play_device(void) {
  at_ten(open("/dev/kmsg", O_RDONLY | O_NONBLOCK));
  check_equal(dup2(10, 12), 12);
  struct stat before, now;
  check_equal(fstat(10, &before), 0);
  ready();
  check(is_same(10, 12));
  check_equal(fstat(10, &now), 0);
  check_equal(now.st_rdev, before.st_rdev);
}

static void play_memfd(void) {
  at_ten(memfd_create("mine", 0));
  check_equal(write(10, "0123456789", 10), 10);
  check_equal(dup2(10, 12), 12);
  ready();
  check(is_same(10, 12));
  check_read(10, "handed in");
}

int main(int argc, char **argv) {
  setup(argc, argv);
  signal(SIGPIPE, SIG_IGN);
  play((struct test_case[]){{"writer", play_writer},
                            {"logger", play_logger},
                            {"reader", play_reader},
                            {"path", play_path},
                            {"file", play_file},
                            {"fifo-reader", play_fifo_reader},
                            {"fifo-writer", play_fifo_writer},
                            {"device", play_device},
                            {"memfd", play_memfd},
                            {"several", play_several},
                            {"fifo-both", play_fifo_both},
                            {"block", play_block},
                            {0}});
}

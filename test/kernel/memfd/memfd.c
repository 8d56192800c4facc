// memfds: content with holes, sizes, seals, owners and modes, descriptions of their own, mappings shared and private, in
// one process and in several, with and without a descriptor.
#include "woodfrog-test.h"

#define SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)
#ifndef F_SEAL_FUTURE_WRITE
#define F_SEAL_FUTURE_WRITE 0x10
#endif

static int made(const char *name, unsigned flags, off_t size) {
  int fd = memfd_create(name, flags);
  check(fd >= 0);
  check_equal(ftruncate(fd, size), 0);
  return fd;
}

static unsigned char *mapped(int fd, int prot, int flags, size_t length, off_t offset) {
  unsigned char *at = mmap(NULL, length, prot, flags, fd, offset);
  check(at != MAP_FAILED);
  return at;
}

static struct stat stat_of(int fd) {
  struct stat st;
  check_equal(fstat(fd, &st), 0);
  return st;
}

static void check_link(int fd, const char *wanted) {
  char path[64], target[256] = {0};
  snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
  check(readlink(path, target, sizeof target - 1) > 0);
  check_text(target, wanted);
}

static void play_files(void) {
  static unsigned char text[3 * PAGE];
  int fd = made("some memory", MFD_CLOEXEC | MFD_ALLOW_SEALING, 100 * PAGE + 100), twin = dup(fd);
  fill(text, sizeof text, 1);
  check_equal(pwrite(fd, text, sizeof text, 7), sizeof text);
  check_equal(pwrite(fd, text, 50, 100 * PAGE + 50), 50);
  check_equal(lseek(fd, 77, SEEK_SET), 77);
  int reader = open("/proc/self/fd/3", O_RDONLY | O_NONBLOCK), appender = open("/proc/self/fd/3", O_WRONLY | O_APPEND);
  check(fd == 3 && reader >= 0 && appender >= 0);
  check_equal(lseek(reader, 7, SEEK_SET), 7);
  int empty = made("", 0, 0);
  int owned = made("owned", 0, PAGE);
  check_equal(fchmod(owned, 0640), 0);
  check_equal(fchown(owned, 12, 34), 0);

  ready();

  check_link(fd, "/memfd:some memory (deleted)");
  check_link(reader, "/memfd:some memory (deleted)");
  check_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
  check_equal(stat_of(fd).st_size, 100 * PAGE + 100);
  check_equal(stat_of(fd).st_mode, S_IFREG | 0777);
  check(stat_of(fd).st_blocks <= 5 * 8);
  check_equal(fcntl(fd, F_GET_SEALS), 0);
  check_equal(lseek(twin, 0, SEEK_CUR), 77);
  check_equal(lseek(reader, 0, SEEK_CUR), 7);
  check_equal(fcntl(reader, F_GETFL), O_RDONLY | O_NONBLOCK | 0100000);
  check_equal(fcntl(appender, F_GETFL), O_WRONLY | O_APPEND | 0100000);
  unsigned char found[sizeof text];
  check_equal(read(reader, found, sizeof found), sizeof found);
  check_fill(found, sizeof found, 1);
  check_equal(pread(fd, found, 100, 100 * PAGE), 100);
  check_fill(found + 50, 50, 1);
  for (int i = 0; i < 50; i++) check_equal(found[i], 0);
  check_equal(write(appender, "x", 1), 1);
  check_equal(stat_of(reader).st_size, 100 * PAGE + 101);
  check_equal(stat_of(empty).st_size, 0);
  check_equal(fcntl(empty, F_GET_SEALS), F_SEAL_SEAL);
  check_link(empty, "/memfd: (deleted)");
  check_equal(stat_of(owned).st_mode, S_IFREG | 0640);
  check_equal(stat_of(owned).st_uid, 12);
  check_equal(stat_of(owned).st_gid, 34);
}

static void play_sealed(void) {
  int fd = made("sealed", MFD_ALLOW_SEALING, 2 * PAGE), future = made("future", MFD_ALLOW_SEALING, PAGE);
  check_equal(pwrite(fd, "content", 7, PAGE - 3), 7);
  check_equal(fcntl(fd, F_ADD_SEALS, SEALS), 0);
  // Mapped for writing before it was sealed.
  unsigned char *writable = mapped(future, PROT_READ | PROT_WRITE, MAP_SHARED, PAGE, 0);
  check_equal(fcntl(future, F_ADD_SEALS, F_SEAL_FUTURE_WRITE), 0);
  fill(writable, PAGE, 5);

  ready();

  char found[8] = {0};
  check_equal(fcntl(fd, F_GET_SEALS), SEALS);
  check_equal(pread(fd, found, 7, PAGE - 3), 7);
  check_text(found, "content");
  check_equal(pwrite(fd, "x", 1, 0), -1);
  check_equal(errno, EPERM);
  check_equal(ftruncate(fd, 0), -1);
  check_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), -1);
  check_equal(fcntl(future, F_GET_SEALS), F_SEAL_FUTURE_WRITE);
  check_fill(writable, PAGE, 5);
  writable[1] = 'w';
  check_equal(pwrite(future, "x", 1, 0), -1);
}

// Mapped for reading once it was sealed.
static void play_sealed_mapped(void) {
  int fd = made("sealed", MFD_ALLOW_SEALING, 2 * PAGE);
  check_equal(pwrite(fd, "content", 7, PAGE - 3), 7);
  check_equal(fcntl(fd, F_ADD_SEALS, SEALS), 0);
  unsigned char *at = mapped(fd, PROT_READ, MAP_SHARED, 2 * PAGE, 0);

  ready();

  check_equal(fcntl(fd, F_GET_SEALS), SEALS);
  check_equal(memcmp(at + PAGE - 3, "content", 7), 0);
  check_equal(mprotect(at, PAGE, PROT_READ | PROT_WRITE), -1);
  check_equal(errno, EACCES);
}

static void play_mapped(void) {
  size_t length = 4 * PAGE;
  int fd = made("mapped", 0, length), gone = made("gone", 0, 2 * PAGE), beyond = made("beyond", 0, 100);
  unsigned char *whole = mapped(fd, PROT_READ | PROT_WRITE, MAP_SHARED, length, 0);
  fill(whole, 3 * PAGE, 2);
  unsigned char *part = mapped(fd, PROT_READ, MAP_SHARED, PAGE, 2 * PAGE);
  unsigned char *private = mapped(fd, PROT_READ | PROT_WRITE, MAP_PRIVATE, length, 0);
  fill(private + PAGE, PAGE, 3);
  check_equal(mprotect(private + 2 * PAGE, PAGE, PROT_NONE), 0);
  unsigned char *alone = mapped(gone, PROT_READ | PROT_WRITE, MAP_SHARED, PAGE, PAGE);
  fill(alone, PAGE, 4);
  close(gone);
  unsigned char *tail = mapped(beyond, PROT_READ | PROT_WRITE, MAP_SHARED, PAGE, 0);
  tail[99] = 'z';
  int answer = made("answer", 0, PAGE);
  volatile int *shared = (volatile int *)mapped(answer, PROT_READ | PROT_WRITE, MAP_SHARED, PAGE, 0);
  pid_t child = fork();
  if (child == 0) {
    close(fd), close(answer), close(beyond);
    mark("child");
    while (shared[0] == 0) nap(1);
    check_fill(private + PAGE, PAGE, 3);
    check_fill(alone, PAGE, 4);
    whole[3 * PAGE] = 'c';
    shared[1] = shared[0] + 1;
    _exit(0);
  }
  await_mark("child");

  ready();

  check_fill(whole, 3 * PAGE, 2);
  check_fill(private, PAGE, 2);
  check_fill(private + PAGE, PAGE, 3);
  check_equal(mprotect(private + 2 * PAGE, PAGE, PROT_READ), 0);
  check_fill(alone, PAGE, 4);
  check_equal(tail[99], 'z');
  check_equal(stat_of(beyond).st_size, 100);
  whole[2 * PAGE] = 'p';
  check_equal(part[0], 'p');
  check_equal(private[2 * PAGE], 'p');
  shared[0] = 41;
  while (shared[1] == 0) nap(1);
  check_equal(shared[1], 42);
  check_equal(whole[3 * PAGE], 'c');
  unsigned char byte;
  check_equal(pread(fd, &byte, 1, 3 * PAGE), 1);
  check_equal(byte, 'c');
  check_equal(private[3 * PAGE], 'c');
  must_exit_well(child);
}

// The child alone maps it; the parent alone has a descriptor.
static void play_apart(void) {
  int fd = made("apart", 0, PAGE), other = made("other", 0, PAGE);
  pid_t child = fork();
  if (child == 0) {
    unsigned char *at = mapped(fd, PROT_READ | PROT_WRITE, MAP_SHARED, PAGE, 0);
    unsigned char *mine = mapped(other, PROT_READ | PROT_WRITE, MAP_PRIVATE, PAGE, 0);
    close(fd), close(other);
    mine[1] = 'm';
    mark("child");
    wait_release();
    while (at[0] != 'p') nap(1);
    check_equal(mine[1], 'm');
    at[0] = 'c';
    _exit(0);
  }
  await_mark("child");
  close(other);

  ready();

  check_equal(pwrite(fd, "p", 1, 0), 1);
  must_exit_well(child);
  char byte;
  check_equal(pread(fd, &byte, 1, 0), 1);
  check_equal(byte, 'c');
}

// Huge pages: nothing but mappings can fill them.
static void play_huge(void) {
  size_t page = 2 << 20;
  int fd = memfd_create("huge", MFD_HUGETLB | (21u << 26) | MFD_ALLOW_SEALING);
  if (fd < 0 || ftruncate(fd, 3 * page) != 0) skip("no huge pages here");
  unsigned char *shared = mmap(NULL, 3 * page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  unsigned char *private = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, page);
  if (shared == MAP_FAILED || private == MAP_FAILED) skip("no huge pages here");
  fill(shared + 5000, 70000, 1);
  fill(shared + 2 * page, page, 2);
  fill(private + page, 3 * PAGE, 3);
  int sealed = memfd_create("sealed", MFD_HUGETLB | MFD_ALLOW_SEALING);
  check_equal(ftruncate(sealed, page), 0);
  check_equal(fcntl(sealed, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL), 0);
  pid_t child = fork();
  if (child == 0) {
    check_equal(munmap(private, 2 * page), 0);
    mark("child");
    wait_release();
    while (shared[0] == 0) nap(1);
    shared[1] = shared[0] + 1;
    _exit(0);
  }
  await_mark("child");

  ready();

  struct stat st = stat_of(fd);
  check_equal(st.st_size, 3 * page);
  check_equal(st.st_blksize, page);
  check_equal(st.st_blocks * 512, 2 * (long long)page);
  check_fill(shared + 5000, 70000, 1);
  for (size_t i = 0; i < 5000; i++) check_equal(shared[i], 0);
  check_fill(shared + 2 * page, page, 2);
  check_fill(private + page, 3 * PAGE, 3);
  check_equal(private[page + 3 * PAGE], pattern_at(3 * PAGE, 2));
  shared[0] = 41;
  must_exit_well(child);
  check_equal(shared[1], 42);
  unsigned char byte;
  check_equal(pread(fd, &byte, 1, 1), 1);
  check_equal(byte, 42);
  private[0] = 7;
  check_equal(shared[page], 0);
  check_equal(fcntl(sealed, F_GET_SEALS), F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL);
  check_equal(stat_of(sealed).st_blocks, 0);
  check_link(fd, "/memfd:huge (deleted)");
}

int main(int argc, char **argv) {
  setup(argc, argv);
  play((struct test_case[]){{"files", play_files},
                            {"sealed", play_sealed},
                            {"sealed-mapped", play_sealed_mapped},
                            {"mapped", play_mapped},
                            {"apart", play_apart},
                            {"huge", play_huge},
                            {0}});
}

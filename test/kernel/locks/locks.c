// File locks of every kind: held, shared, kept apart, and effective against others.
#include <sys/file.h>

#include "woodfrog-test.h"

static int file(const char *name, int flags) {
  int fd = open(name, O_CREAT | flags, 0600);
  check(fd >= 0);
  check_equal(ftruncate(fd, 1000), flags == O_RDONLY ? -1 : 0);
  return fd;
}

static struct flock range(short type, off_t start, off_t len) {
  return (struct flock){.l_type = type, .l_whence = SEEK_SET, .l_start = start, .l_len = len};
}

static void lock(int fd, int command, short type, off_t start, off_t len) {
  struct flock each = range(type, start, len);
  check_equal(fcntl(fd, command, &each), 0);
}

// What stands in the way of a write lock here: a lock of this type by this process, or nothing.
static void check_range(int fd, off_t start, short type, pid_t holder) {
  struct flock found = range(F_WRLCK, start, 1);
  check_equal(fcntl(fd, F_GETLK, &found), 0);
  check_equal(found.l_type, type);
  if (type != F_UNLCK) check_equal(found.l_pid, holder);
}

// Runs in a child, to whom all locks are others'.
static void in_child(void (*run)(void)) {
  pid_t child = fork();
  if (child == 0) {
    run();
    _exit(0);
  }
  must_exit_well(child);
}

static void see_flocks(void) {
  int shared = open("shared", O_RDWR), exclusive = open("exclusive", O_RDWR);
  check_equal(flock(shared, LOCK_EX | LOCK_NB), -1);
  check_equal(errno, EWOULDBLOCK);
  check_equal(flock(shared, LOCK_SH | LOCK_NB), 0);
  check_equal(flock(exclusive, LOCK_SH | LOCK_NB), -1);
  check_equal(errno, EWOULDBLOCK);
}

// A child has the exclusive one in common: it goes when both have closed it.
static void play_flock(void) {
  int shared = file("shared", O_RDWR), exclusive = file("exclusive", O_RDWR);
  check_equal(flock(shared, LOCK_SH) | flock(exclusive, LOCK_EX), 0);
  int duplicate = dup(exclusive);
  pid_t child = fork();
  if (child == 0) {
    close(shared);
    wait_release();
    await_mark("closed");
    in_child(see_flocks);
    check_equal(flock(exclusive, LOCK_UN), 0);
    _exit(0);
  }
  ready();
  in_child(see_flocks);
  close(exclusive);
  close(duplicate);
  mark("closed");
  must_exit_well(child);
  int again = open("exclusive", O_RDWR);
  check_equal(flock(again, LOCK_EX | LOCK_NB), 0);
}

static pid_t holder;
static int command;

static void see_ranges(void) {
  int fd = open("ranges", O_RDWR);
  check_range(fd, 9, F_UNLCK, 0);
  check_range(fd, 10, F_WRLCK, holder);
  check_range(fd, 29, F_WRLCK, holder);
  check_range(fd, 30, F_UNLCK, 0);
  check_range(fd, 100, F_RDLCK, holder);
  check_range(fd, 1l << 40, F_RDLCK, holder);
}

static void set_ranges(int fd) {
  lock(fd, command, F_WRLCK, 10, 20);
  lock(fd, command, F_RDLCK, 100, 0);
}

static void play_posix(void) {
  int fd = file("ranges", O_RDWR);
  command = F_SETLK;
  set_ranges(fd);
  int duplicate = dup(fd);
  pid_t child = fork();
  if (child == 0) {
    // The same description, and a lock of its own.
    lock(fd, F_SETLK, F_WRLCK, 50, 1);
    mark("locked");
    wait_release();
    await_mark("seen");
    _exit(0);
  }
  await_mark("locked");
  ready();
  holder = getpid();
  in_child(see_ranges);
  check_range(fd, 50, F_WRLCK, child);
  mark("seen");
  must_exit_well(child);
  check_range(fd, 50, F_UNLCK, 0);
  // One close of any descriptor ends them all.
  close(duplicate);
  int other = open("ranges", O_RDWR);
  struct flock whole = range(F_WRLCK, 0, 0);
  check_equal(fcntl(other, F_OFD_SETLK, &whole), 0);
}

static void play_ofd(void) {
  int fd = file("ranges", O_RDWR);
  command = F_OFD_SETLK;
  set_ranges(fd);
  ready();
  holder = -1;
  in_child(see_ranges);
  int other = open("ranges", O_RDWR);
  struct flock part = range(F_WRLCK, 15, 1);
  check_equal(fcntl(other, F_OFD_SETLK, &part), -1);
  check_equal(errno, EAGAIN);
  check_equal(fcntl(fd, F_OFD_SETLK, &part), 0);
  close(other);
  close(fd);
  other = open("ranges", O_RDWR);
  check_equal(fcntl(other, F_OFD_SETLK, &part), 0);
}

static volatile sig_atomic_t broken;
static void note(int number) { broken = number; }

static void play_lease(void) {
  int reading = file("reading", O_RDONLY), writing = file("writing", O_RDWR);
  signal(SIGIO, note);
  check_equal(fcntl(reading, F_SETLEASE, F_RDLCK) | fcntl(writing, F_SETLEASE, F_WRLCK), 0);
  ready();
  check_equal(fcntl(reading, F_GETLEASE), F_RDLCK);
  check_equal(fcntl(writing, F_GETLEASE), F_WRLCK);
  check_equal(broken, 0);
  check_equal(open("writing", O_RDONLY | O_NONBLOCK), -1);
  check_equal(errno, EWOULDBLOCK);
  check_equal(broken, SIGIO);
}

// The file has no name: nobody else can even look.
static void play_deleted(void) {
  int fd = file("ranges", O_RDWR), other = open("ranges", O_RDWR);
  check_equal(flock(other, LOCK_EX) | unlink("ranges"), 0);
  command = F_SETLK;
  set_ranges(fd);
  ready();
  check_equal(flock(fd, LOCK_SH | LOCK_NB), -1);
  char path[64];
  snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
  struct flock whole = range(F_WRLCK, 0, 0);
  int fresh = open(path, O_RDWR);
  check_equal(fcntl(fresh, F_OFD_SETLK, &whole), -1);
  check_equal(errno, EAGAIN);
}

int main(int argc, char **argv) {
  setup(argc, argv);
  play((struct test_case[]){{"flock", play_flock},
                            {"posix", play_posix},
                            {"ofd", play_ofd},
                            {"lease", play_lease},
                            {"deleted", play_deleted},
                            {0}});
}

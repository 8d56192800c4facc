// File locks of every kind, held over the refused dump and held still afterwards.
#include <sys/file.h>

#include "woodfrog-test.h"

static int file(void) {
  int fd = open("locked", O_CREAT | O_RDWR, 0600);
  check(fd >= 0);
  check_equal(ftruncate(fd, 1000), 0);
  return fd;
}

// Whether an open file description of a child of its own is kept out.
static void must_be_locked(int kind) {
  pid_t child = fork();
  if (child == 0) {
    int fd = open("locked", O_RDWR);
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 100, .l_len = 1};
    if (kind == 0) check_equal(flock(fd, LOCK_EX | LOCK_NB), -1);
    else check_equal(fcntl(fd, F_SETLK, &lock), -1);
    check(errno == EWOULDBLOCK || errno == EACCES);
    _exit(0);
  }
  must_exit_well(child);
}

static void play_flock(void) {
  int fd = file();
  check_equal(flock(fd, LOCK_SH), 0);
  ready();
  must_be_locked(0);
}

static void record_lock(int command) {
  struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 50, .l_len = 100};
  check_equal(fcntl(file(), command, &lock), 0);
  ready();
  must_be_locked(1);
}
static void play_posix(void) { record_lock(F_SETLK); }
static void play_ofd(void) { record_lock(F_OFD_SETLK); }

static void play_lease(void) {
  int fd = file();
  check_equal(fcntl(fd, F_SETLEASE, F_WRLCK), 0);
  ready();
  check_equal(fcntl(fd, F_GETLEASE), F_WRLCK);
}

int main(int argc, char **argv) {
  setup(argc, argv);
  play((struct test_case[]){
      {"flock", play_flock}, {"posix", play_posix}, {"ofd", play_ofd}, {"lease", play_lease}, {0}});
}

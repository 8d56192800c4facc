// Locks in which somebody outside the tree has a part: they stay as they are when the dump is
// refused.
#include <sys/file.h>

#include "woodfrog-test.h"

static int fd;

// A process outside the tree: its parent ends, and it becomes somebody else's. Says who it is.
static void stranger(void (*run)(void)) {
  pid_t child = fork();
  if (child == 0) {
    setsid();
    if (fork() == 0) {
      say("STRANGER %d\n", getpid());
      mark("stranger");
      if (run) run();
      wait_release();
      nap(300);
    }
    _exit(0);
  }
  must_exit_well(child);
  await_mark("stranger");
}

static void make(void) {
  fd = open("locked", O_CREAT | O_RDWR, 0600);
  check(fd >= 0);
}

static void play_flock(void) {
  make();
  check_equal(flock(fd, LOCK_EX), 0);
  stranger(NULL);
  ready();
  int other = open("locked", O_RDWR);
  check_equal(flock(other, LOCK_EX | LOCK_NB), -1);
}

static void play_ofd(void) {
  make();
  struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
  check_equal(fcntl(fd, F_OFD_SETLK, &whole), 0);
  stranger(NULL);
  ready();
  int other = open("locked", O_RDWR);
  check_equal(fcntl(other, F_OFD_SETLK, &whole), -1);
}

static void play_lease(void) {
  make();
  signal(SIGIO, SIG_IGN);
  check_equal(fcntl(fd, F_SETLEASE, F_WRLCK), 0);
  stranger(NULL);
  ready();
  check_equal(fcntl(fd, F_GETLEASE), F_WRLCK);
}

static void open_it(void) {
  close(fd);
  int own = open("locked", O_RDONLY);
  check(own >= 0);
}

// Somebody waits for it to be given up.
static void play_breaking(void) {
  make();
  signal(SIGIO, SIG_IGN);
  check_equal(fcntl(fd, F_SETLEASE, F_WRLCK), 0);
  stranger(open_it);
  for (int i = 0; fcntl(fd, F_GETLEASE) == F_WRLCK; i++) {
    if (i > 4000) fail("nobody breaks the lease");
    nap(5);
  }
  ready();
  check_equal(fcntl(fd, F_GETLEASE), F_RDLCK);
  check_equal(fcntl(fd, F_SETLEASE, F_UNLCK), 0);
}

// Its own, of the same file: no business of the tree's.
static void play_apart(void) {
  make();
  struct flock mine = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 0, .l_len = 10};
  check_equal(fcntl(fd, F_SETLK, &mine), 0);
  pid_t child = fork();
  if (child == 0) {
    setsid();
    if (fork() == 0) {
      struct flock theirs = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 20, .l_len = 10};
      check_equal(fcntl(fd, F_SETLK, &theirs), 0);
      mark("stranger");
      wait_release();
      nap(300);
    }
    _exit(0);
  }
  must_exit_well(child);
  await_mark("stranger");
  ready();
  struct flock found = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 20, .l_len = 1};
  check_equal(fcntl(fd, F_GETLK, &found), 0);
  check_equal(found.l_type, F_WRLCK);
  pid_t asker = fork();
  if (asker == 0) {
    struct flock held = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 5, .l_len = 1};
    check_equal(fcntl(fd, F_GETLK, &held), 0);
    check_equal(held.l_type, F_WRLCK);
    check_equal(held.l_pid, getppid());
    _exit(0);
  }
  must_exit_well(asker);
}

int main(int argc, char **argv) {
  setup(argc, argv);
  play((struct test_case[]){{"flock", play_flock},
                            {"ofd", play_ofd},
                            {"lease", play_lease},
                            {"breaking", play_breaking},
                            {"apart", play_apart},
                            {0}});
}

// A thread that unshared its descriptor table, or its directory and umask, from the other threads.
#include <sched.h>

#include "woodfrog-test.h"

static void *alone(void *flags) {
  check_equal(unshare((int)(long)flags), 0);
  mark("thread");
  wait_release();
  check_equal(chdir("/"), 0);
  check_equal(dup2(1, 9), 9);
  return NULL;
}

static void play_unshare(long flags) {
  pthread_t thread;
  char before[4096], now[4096];
  check(getcwd(before, sizeof before) != NULL);
  check_equal(pthread_create(&thread, NULL, alone, (void *)flags), 0);
  await_mark("thread");
  ready();
  pthread_join(thread, NULL);
  check(getcwd(now, sizeof now) != NULL);
  check_text(now, flags == CLONE_FS ? before : "/");
  check_equal(fcntl(9, F_GETFD) >= 0, flags == CLONE_FS);
}

static void play_files(void) { play_unshare(CLONE_FILES); }
static void play_fs(void) { play_unshare(CLONE_FS); }

int main(int argc, char **argv) {
  setup(argc, argv);
  play((struct test_case[]){{"files", play_files}, {"fs", play_fs}, {0}});
}

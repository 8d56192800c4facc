// The main thread has called pthread_exit: a zombie that keeps the process's pid, while others work.
#include <dirent.h>

#include "woodfrog-test.h"

static char leader_state(void) {
  char path[64];
  snprintf(path, sizeof path, "/proc/self/task/%d/status", getpid());
  return proc_line(path, "State:")[0];
}

static int pipes[2];
static pthread_t first;
static _Thread_local int own;

static void *other(void *arg) {
  own = (int)(intptr_t)arg;
  mark("other");
  wait_release();
  check_equal(own, (int)(intptr_t)arg);
  return (void *)(intptr_t)(own + 1);
}

static volatile sig_atomic_t handled;
static void on_signal(int signal) { handled = gettid(); }

static void *outlives_leader(void *arg) {
  pthread_t thread;
  own = 7;
  pthread_create(&thread, NULL, other, (void *)30);
  await_mark("other");
  while (leader_state() != 'Z') nap(1);
  pid_t child = fork();
  if (child == 0) {
    mark("child");
    wait_release();
    _exit(5);
  }
  await_mark("child");
  char name[16];
  pthread_getname_np(pthread_self(), name, sizeof name);

  ready();

  while (leader_state() != 'Z') nap(1);
  check(gettid() != getpid());
  check_equal(own, 7);
  char now[16], text[4];
  pthread_getname_np(pthread_self(), now, sizeof now);
  check_text(now, name);
  check_equal(read(pipes[0], text, 4), 4);
  check_equal(memcmp(text, "left", 4), 0);
  void *result;
  check_equal(pthread_join(first, &result), 0);
  check_equal((intptr_t)result, 99);
  check_equal(pthread_join(thread, &result), 0);
  check_equal((intptr_t)result, 31);
  kill(getpid(), SIGUSR1);
  while (!handled) nap(1);
  check_equal(handled, gettid());
  int status;
  check_equal(waitpid(child, &status, 0), child);
  check_equal(WEXITSTATUS(status), 5);
  if (strcmp(test_case, "exits") == 0) pass();
  // The last thread ends as the first did, and with it the process.
  say("PASS\n");
  syscall(SYS_exit, 0);
  return NULL;
}

int main(int argc, char **argv) {
  pthread_t thread;
  setup(argc, argv);
  signal(SIGUSR1, on_signal);
  check_equal(pipe(pipes), 0);
  check_equal(write(pipes[1], "left", 4), 4);
  first = pthread_self();
  pthread_setname_np(first, "the leader");
  pthread_create(&thread, NULL, outlives_leader, NULL);
  pthread_exit((void *)99);
}

// A chain of processes, each the child of the one before, or a fan; every status is passed on.
#include "woodfrog-test.h"

static int check_children(int wanted) {
  int status, seen = 0;
  while (waitpid(-1, &status, 0) > 0) {
    check(WIFEXITED(status));
    check_equal(WEXITSTATUS(status), 7);
    seen++;
  }
  check_equal(seen, wanted);
  return 7;
}

static void deep(int left) {
  while (left > 0) {
    pid_t pid = fork();
    check(pid >= 0);
    if (pid > 0) {
      wait_release();
      _exit(check_children(1));
    }
    left--;
  }
  mark("bottom");
  wait_release();
  _exit(7);
}

enum { COUNT = 200 };

int main(int argc, char **argv) {
  setup(argc, argv);
  int *there = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (strcmp(test_case, "deep") == 0) {
    if (fork() == 0) deep(COUNT);
    await_mark("bottom");
    ready();
    check_children(1);
    pass();
  }
  for (int i = 0; i < COUNT; i++) {
    if (fork() != 0) continue;
    __atomic_fetch_add(there, 1, __ATOMIC_SEQ_CST);
    wait_release();
    _exit(7);
  }
  while (__atomic_load_n(there, __ATOMIC_SEQ_CST) < COUNT) nap(5);
  ready();
  check_children(COUNT);
  pass();
}

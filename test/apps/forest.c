// Two hundred processes: ten parents with nineteen children each, all counting; each tells its
// parent how it fared.
#include "woodfrog-test.h"

enum { PARENTS = 10, CHILDREN = 19 };

static void count_until_released(pid_t pid, pid_t parent) {
  volatile unsigned long counter = 0, shadow = 0;
  while (!released()) {
    for (int i = 0; i < 1000; i++) counter++;
    shadow += 1000;
    nap(20);
  }
  check_equal(counter, shadow);
  check_equal(getpid(), pid);
  if (parent != 0) check_equal(getppid(), parent);
}

int main(int argc, char **argv) {
  setup(argc, argv);
  pid_t parents[PARENTS];
  for (int i = 0; i < PARENTS; i++) {
    parents[i] = fork();
    if (parents[i] != 0) continue;
    pid_t children[CHILDREN], me = getpid();
    char label[32];
    for (int j = 0; j < CHILDREN; j++) {
      children[j] = fork();
      if (children[j] != 0) continue;
      count_until_released(getpid(), me);
      _exit(10 + j);
    }
    snprintf(label, sizeof label, "parent%d", i);
    mark(label);
    count_until_released(me, getppid());
    for (int j = 0; j < CHILDREN; j++) {
      int status;
      check_equal(waitpid(children[j], &status, 0), children[j]);
      check_equal(status, (10 + j) << 8);
    }
    _exit(0);
  }
  for (int i = 0; i < PARENTS; i++) {
    char label[32];
    snprintf(label, sizeof label, "parent%d", i);
    await_mark(label);
  }
  ready();
  for (int i = 0; i < PARENTS; i++) must_exit_well(parents[i]);
  pass();
}

// A process and a child with private memory of their own and shared memory in common, which change
// nothing until they are released.
#include "woodfrog-test.h"

int main(int argc, char **argv) {
  setup(argc, argv);
  int both = MAP_ANONYMOUS, mode = PROT_READ | PROT_WRITE;
  unsigned char *own = mmap(NULL, 100 * PAGE, mode, both | MAP_PRIVATE, -1, 0);
  unsigned char *shared = mmap(NULL, 50 * PAGE, mode, both | MAP_SHARED, -1, 0);
  check(own != MAP_FAILED && shared != MAP_FAILED);
  fill(own, 100 * PAGE, 1);
  fill(shared, 50 * PAGE, 2);
  pid_t child = fork();
  if (child == 0) {
    fill(own, PAGE, 3);
    mark("child");
    wait_release();
    check_fill(own, PAGE, 3);
    check_fill(shared, 50 * PAGE, 2);
    _exit(0);
  }
  await_mark("child");
  ready();
  check_fill(own, 100 * PAGE, 1);
  check_fill(shared, 50 * PAGE, 2);
  must_exit_well(child);
  pass();
}

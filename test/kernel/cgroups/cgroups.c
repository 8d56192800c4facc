// Where a process and its child are in the cgroup hierarchies: moved by the test, looked at by it.
#include "woodfrog-test.h"

int main(int argc, char **argv) {
  setup(argc, argv);
  pid_t child = fork();
  if (child == 0) {
    mark("child");
    wait_release();
    _exit(0);
  }
  await_mark("child");
  ready();
  must_exit_well(child);
  pass();
}

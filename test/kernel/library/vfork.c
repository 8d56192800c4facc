// A parent inside vfork(2) cannot be stopped until its child ends: a dump waits for it.
#include "woodfrog-test.h"

int main(int argc, char **argv) {
  setup(argc, argv);
  pid_t child = vfork();
  if (child == 0) {
    ready();
    _exit(0);
  }
  check(child > 0);
  must_exit_well(child);
  pass();
}

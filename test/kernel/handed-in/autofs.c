// An automounter: the kernel has the writing end of its pipe. Run in a mount namespace of its own.
#include <sys/mount.h>

#include "woodfrog-test.h"

int main(int argc, char **argv) {
  setup(argc, argv);
  int ends[2];
  check_equal(pipe(ends), 0);
  check_equal(mkdir("auto", 0700), 0);
  char options[100];
  snprintf(options, sizeof options, "fd=%d,pgrp=%d,minproto=5,maxproto=5,indirect", ends[1],
           getpgrp());
  if (mount("auto", "auto", "autofs", 0, options) != 0) skip("no autofs here");
  close(ends[1]);
  ready();
  pass();
}

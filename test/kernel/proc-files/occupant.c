// Takes a pid, given as the case, until it is killed.
#include <linux/sched.h>

#include "woodfrog-test.h"

int main(int argc, char **argv) {
  setup(argc, argv);
  pid_t wanted = atoi(test_case);
  struct clone_args args = {
      .exit_signal = SIGCHLD, .set_tid = (uintptr_t)&wanted, .set_tid_size = 1};
  pid_t born = syscall(SYS_clone3, &args, sizeof args);
  if (born == 0)
    for (;;) pause();
  check_equal(born, wanted);
  ready();
  kill(born, SIGKILL);
  waitpid(born, NULL, 0);
  pass();
}

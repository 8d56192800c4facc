// Takes the pid that argv[1] names and holds it until its standard input ends. Root only.
#include <linux/sched.h>
#include "woodfrog-test.h"

int main(int argc, char **argv) {
  pid_t wanted = argc > 1 ? atoi(argv[1]) : 0;
  struct clone_args args = {
      .exit_signal = SIGCHLD, .set_tid = (uintptr_t)&wanted, .set_tid_size = 1};
  pid_t child = syscall(SYS_clone3, &args, sizeof args);
  check(child >= 0);
  char byte;
  if (child == 0) {
    say("READY\n");
    while (read(0, &byte, 1) > 0) continue;
    _exit(0);
  }
  must_exit_well(child);
  return 0;
}

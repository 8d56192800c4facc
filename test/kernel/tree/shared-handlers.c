// A process that shares memory and signal handlers with its parent has a zombie: nobody is told of
// its death twice, and it can be waited for.
#include <sched.h>

#include "woodfrog-test.h"

static volatile int is_told;
static void on_child(int signal) { is_told++; }
static char stack[256 * 1024] __attribute__((aligned(16)));
static volatile pid_t zombie;

// The handlers are shared; memory is, too: it says by a mark what it has found.
static int sharer(void *arg) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGCHLD);
  sigprocmask(SIG_BLOCK, &set, NULL);
  zombie = fork();
  if (zombie == 0) _exit(9);
  check_equal(sigwaitinfo(&set, NULL), SIGCHLD);
  sigprocmask(SIG_UNBLOCK, &set, NULL);
  mark("sharer");
  wait_release();
  check_equal(is_told, 0);
  int status;
  check_equal(waitpid(zombie, &status, 0), zombie);
  check_equal(WEXITSTATUS(status), 9);
  _exit(0);
}

int main(int argc, char **argv) {
  setup(argc, argv);
  struct sigaction action = {.sa_handler = on_child};
  sigaction(SIGCHLD, &action, NULL);
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGCHLD);
  sigprocmask(SIG_BLOCK, &set, NULL);
  pid_t child = clone(sharer, stack + sizeof stack, CLONE_VM | CLONE_SIGHAND | SIGCHLD, NULL);
  check(child > 0);
  await_mark("sharer");

  ready();

  int status;
  check_equal(waitpid(child, &status, 0), child);
  check_equal(status, 0);
  pass();
}

// A child that dies after the restore is reported by SIGCHLD with its pid and status, to the right
// parent.
#include "woodfrog-test.h"

enum { CHILDREN = 20 };
static volatile int seen_pid, seen_status, seen;

static void on_child(int signal, siginfo_t *info, void *context) {
  seen_pid = info->si_pid;
  seen_status = info->si_status;
  seen++;
}

int main(int argc, char **argv) {
  setup(argc, argv);
  struct sigaction action = {.sa_sigaction = on_child, .sa_flags = SA_SIGINFO};
  sigaction(SIGCHLD, &action, NULL);
  pid_t children[CHILDREN];
  for (int i = 0; i < CHILDREN; i++) {
    children[i] = fork();
    if (children[i] == 0) {
      sigset_t set;
      int got;
      sigemptyset(&set);
      sigaddset(&set, SIGUSR1);
      sigprocmask(SIG_BLOCK, &set, NULL);
      char label[16];
      snprintf(label, sizeof label, "child%d", i);
      mark(label);
      sigwait(&set, &got);
      _exit(i + 1);
    }
  }
  for (int i = 0; i < CHILDREN; i++) {
    char label[16];
    snprintf(label, sizeof label, "child%d", i);
    await_mark(label);
  }

  ready();

  check_equal(seen, 0);
  for (int i = CHILDREN - 1; i >= 0; i--) {
    int status;
    kill(children[i], SIGUSR1);
    while (seen < CHILDREN - i) nap(1);
    check_equal(seen_pid, children[i]);
    check_equal(seen_status, i + 1);
    check_equal(waitpid(children[i], &status, 0), children[i]);
    check_equal(WEXITSTATUS(status), i + 1);
  }
  pass();
}

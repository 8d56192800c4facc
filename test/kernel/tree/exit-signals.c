// Children made with another exit signal than SIGCHLD, or none: alive, and dead but not waited for.
#include <sched.h>

#include "woodfrog-test.h"

static volatile sig_atomic_t count[65], from[65];
static void on_signal(int signal, siginfo_t *info, void *context) {
  count[signal]++;
  from[signal] = info->si_pid;
}

static pid_t born(int exit_signal, int lives) {
  static int number;
  char label[16];
  snprintf(label, sizeof label, "child%d", number++);
  pid_t pid = syscall(SYS_clone, exit_signal, NULL, NULL, NULL, 0);
  check(pid >= 0);
  if (pid == 0) {
    if (!lives) _exit(3);
    mark(label);
    wait_release();
    await_mark("end");
    _exit(4);
  }
  if (lives) await_mark(label);
  return pid;
}

static int exit_signal_of(pid_t pid) {
  char path[64], line[2048];
  snprintf(path, sizeof path, "/proc/%d/stat", pid);
  FILE *file = fopen(path, "re");
  check(file && fgets(line, sizeof line, file));
  fclose(file);
  char *at = strrchr(line, ')') + 2;
  for (int field = 3; field < 38; field++) at = strchr(at, ' ') + 1;
  return atoi(at);
}

int main(int argc, char **argv) {
  setup(argc, argv);
  struct sigaction action = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_RESTART};
  const int wanted[] = {SIGUSR1, 0, SIGRTMIN + 3, SIGCHLD};
  enum { KINDS = 4 };
  for (int i = 0; i < KINDS; i++)
    if (wanted[i] != 0) sigaction(wanted[i], &action, NULL);
  pid_t live[KINDS], dead[KINDS];
  for (int i = 0; i < KINDS; i++) live[i] = born(wanted[i], 1);
  for (int i = 0; i < KINDS; i++) {
    siginfo_t info;
    dead[i] = born(wanted[i], 0);
    check_equal(waitid(P_PID, dead[i], &info, WEXITED | WNOWAIT | __WALL), 0);
    if (wanted[i] != 0) check_equal(count[wanted[i]], 1);
  }

  ready();

  for (int i = 0; i < KINDS; i++) {
    if (wanted[i] != 0) check_equal(count[wanted[i]], 1);
    check_equal(exit_signal_of(live[i]), wanted[i]);
    check_equal(exit_signal_of(dead[i]), wanted[i]);
  }
  int status;
  // Without __WALL only those that tell by SIGCHLD are there.
  check_equal(waitpid(dead[0], &status, WNOHANG), -1);
  for (int i = 0; i < KINDS; i++) {
    check_equal(waitpid(dead[i], &status, __WALL), dead[i]);
    check_equal(WEXITSTATUS(status), 3);
  }
  mark("end");
  for (int i = 0; i < KINDS; i++) {
    check_equal(waitpid(live[i], &status, __WALL), live[i]);
    check_equal(WEXITSTATUS(status), 4);
    if (wanted[i] == 0) continue;
    check_equal(count[wanted[i]], 2);
    check_equal(from[wanted[i]], live[i]);
  }
  pass();
}

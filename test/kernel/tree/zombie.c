// Dead children that nobody has waited for yet, by exit and by signal, in a group and a session of
// their own, and one of a child: their statuses can be collected.
#include <sys/prctl.h>

#include "woodfrog-test.h"

static pid_t dies(int status, int signal, int alone) {
  pid_t pid = fork();
  if (pid > 0) return pid;
  prctl(PR_SET_NAME, "dead one");
  if (alone == 1) check_equal(setpgid(0, 0), 0);
  if (alone == 2) check(setsid() > 0);
  if (signal != 0) kill(getpid(), signal);
  _exit(status);
}

static void await_death(pid_t pid) {
  siginfo_t info;
  check_equal(waitid(P_PID, pid, &info, WEXITED | WNOWAIT), 0);
}

static void check_status(pid_t pid, int wanted) {
  int status;
  siginfo_t info = {0};
  check_equal(waitid(P_PID, pid, &info, WEXITED | WNOWAIT), 0);
  check_equal(info.si_pid, pid);
  check_equal(info.si_uid, getuid());
  check_equal(waitpid(pid, &status, 0), pid);
  check_equal(status, wanted);
  check_equal(waitpid(pid, &status, 0), -1);
}

int main(int argc, char **argv) {
  setup(argc, argv);
  int last = argc > 2 ? atoi(argv[2]) : 99;
  pid_t exited = dies(42, 0, 0), killed = dies(0, SIGKILL, 0), group = dies(0, SIGTERM, 1),
        session = dies(last, 0, 2);
  pid_t child = fork();
  if (child == 0) {
    pid_t grandchild = dies(3, 0, 0);
    await_death(grandchild);
    mark("child");
    wait_release();
    check_status(grandchild, 3 << 8);
    _exit(0);
  }
  await_mark("child");
  pid_t dead[] = {exited, killed, group, session};
  for (int i = 0; i < 4; i++) await_death(dead[i]);

  ready();

  check_equal(getpgid(group), group);
  check_equal(getsid(session), session);
  check_status(exited, 42 << 8);
  check_status(killed, SIGKILL);
  check_status(group, SIGTERM);
  check_status(session, last << 8);
  must_exit_well(child);
  pass();
}

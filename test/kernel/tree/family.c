// A tree: parents, process groups and sessions as they were; children can be waited for and their
// status is told.
#include "woodfrog-test.h"

struct ids {
  pid_t pid, ppid, pgrp, session;
};
static struct ids look(void) { return (struct ids){getpid(), getppid(), getpgrp(), getsid(0)}; }
static int count;

static void check_ids(struct ids before) {
  struct ids now = look();
  check_equal(now.pid, before.pid);
  check_equal(now.ppid, before.ppid);
  check_equal(now.pgrp, before.pgrp);
  check_equal(now.session, before.session);
}

// A child that plays `body`, then exits with `status` once released. Returns when it is set up.
static pid_t child(void (*body)(void), int status) {
  char label[32];
  snprintf(label, sizeof label, "child-%d-%d", getpid(), count++);
  pid_t pid = fork();
  if (pid > 0) {
    await_mark(label);
    return pid;
  }
  check_equal(pid, 0);
  if (body != NULL) body();
  struct ids before = look();
  mark(label);
  wait_release();
  check_ids(before);
  while (wait(NULL) > 0) {
  }
  _exit(status);
}

static void new_group(void) { check_equal(setpgid(0, 0), 0); }
static void new_session(void) { check(setsid() == getpid()); }
static pid_t group_to_join;
static void join_group(void) { check_equal(setpgid(0, group_to_join), 0); }
static void with_family(void) {
  new_session();
  child(NULL, 0);
  child(new_group, 0);
  group_to_join = child(new_group, 0);
  child(join_group, 0);
}
static void deep(void) {
  static int depth;
  if (++depth < 8) child(deep, 0);
}

int main(int argc, char **argv) {
  setup(argc, argv);
  pid_t statuses[4] = {child(NULL, 0), child(new_group, 7), child(new_session, 255),
                       child(with_family, 33)};
  const int wanted[4] = {0, 7, 255, 33};
  pid_t chain = child(deep, 1), killed = child(NULL, 0);
  struct ids before = look();

  ready();

  // The root's parent is whoever restored it.
  check_equal(before.pid, look().pid);
  check_equal(before.pgrp, look().pgrp);
  check_equal(before.session, look().session);
  int status;
  kill(killed, SIGKILL);
  check_equal(waitpid(killed, &status, 0), killed);
  check((WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) || WIFEXITED(status));
  for (int i = 0; i < 4; i++) {
    check_equal(waitpid(statuses[i], &status, 0), statuses[i]);
    check(WIFEXITED(status));
    check_equal(WEXITSTATUS(status), wanted[i]);
  }
  check_equal(waitpid(chain, &status, 0), chain);
  check_equal(WEXITSTATUS(status), 1);
  check_equal(waitpid(-1, &status, 0), -1);
  check_equal(errno, ECHILD);
  pass();
}

// Processes whose parents have died: taken in by a subreaper inside the tree, in sessions and groups
// whose leaders are dead, across sessions, as zombies; each can be waited for by who took it in.
#include <sys/prctl.h>

#include "woodfrog-test.h"

struct shared {
  pid_t pids[64];
  int used;
};
static struct shared *shared;

// A leaf: says that it is there, keeps its ids, ends with `status`.
static void leaf(int status, pid_t parent) {
  pid_t pgrp = getpgrp(), session = getsid(0);
  int at = __atomic_fetch_add(&shared->used, 1, __ATOMIC_SEQ_CST);
  // Its first parent must be gone before it counts as there.
  for (int i = 0; getppid() == parent; i++) {
    if (i > 4000) fail("its parent %d lives", parent);
    nap(1);
  }
  parent = getppid();
  shared->pids[at] = getpid();
  wait_release();
  check_equal(getppid(), parent);
  check_equal(getpgrp(), pgrp);
  check_equal(getsid(0), session);
  _exit(status);
}

// A process that plays `body` and dies at once: what it has borne is taken in.
static void dying(void (*body)(void)) {
  pid_t pid = fork();
  check(pid >= 0);
  if (pid == 0) {
    body();
    _exit(0);
  }
  int status;
  check_equal(waitpid(pid, &status, 0), pid);
}

static void bear_leaf(int status) {
  pid_t parent = getpid();
  if (fork() == 0) leaf(status, parent);
}
static void plain(void) { bear_leaf(1); }
static void in_dead_group(void) {
  setpgid(0, 0);
  bear_leaf(2);
  bear_leaf(3);
}
static void in_dead_session(void) {
  setsid();
  bear_leaf(4);
  // A second group there, whose leader dies, too.
  pid_t pid = fork();
  if (pid == 0) {
    setpgid(0, 0);
    bear_leaf(5);
    _exit(0);
  }
  waitpid(pid, NULL, 0);
}
static void two_deep(void) {
  setsid();
  dying(in_dead_session);
  bear_leaf(6);
}

static void await_used(int wanted) {
  for (int i = 0;; i++) {
    int there = 0;
    for (int k = 0; k < 64; k++) there += shared->pids[k] != 0;
    if (there == wanted) return;
    if (i > 4000) fail("only %d of %d orphans are there", there, wanted);
    nap(5);
  }
}

static int collect(int wanted_sum) {
  int status, sum = 0;
  while (waitpid(-1, &status, 0) > 0) {
    check(WIFEXITED(status));
    sum += WEXITSTATUS(status);
  }
  check_equal(sum, wanted_sum);
  return sum;
}

static void all_kinds(void) {
  dying(plain);
  dying(in_dead_group);
  dying(in_dead_session);
  dying(two_deep);
}
enum { SUM = 1 + 2 + 3 + 4 + 5 + 4 + 5 + 6, LEAVES = 8 };

// A subreaper in a session of its own, below the root, with orphans and a zombie orphan.
static void reaper(void) {
  setsid();
  check_equal(prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), 0);
  all_kinds();
  mark("reaper");
  wait_release();
  collect(SUM);
  _exit(0);
}

int main(int argc, char **argv) {
  setup(argc, argv);
  shared = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  check_equal(prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), 0);
  pid_t below = fork();
  if (below == 0) reaper();
  await_mark("reaper");
  all_kinds();
  await_used(2 * LEAVES);

  ready();

  int is_subreaper;
  check_equal(prctl(PR_GET_CHILD_SUBREAPER, &is_subreaper), 0);
  check_equal(is_subreaper, 1);
  must_exit_well(below);
  collect(SUM);
  pass();
}

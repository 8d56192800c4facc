// Tasks in other namespaces than the one that dumps them.
#include <sched.h>

#include "woodfrog-test.h"

static void in_new(int flag) {
  if (unshare(flag) != 0) skip("cannot make this namespace");
  ready();
}
static void play_net(void) { in_new(CLONE_NEWNET); }
static void play_uts(void) { in_new(CLONE_NEWUTS); }
static void play_ipc(void) { in_new(CLONE_NEWIPC); }
static void play_mnt(void) { in_new(CLONE_NEWNS); }
static void play_user(void) { in_new(CLONE_NEWUSER); }
static void play_cgroup(void) { in_new(CLONE_NEWCGROUP); }

static void play_pid(void) {
  if (unshare(CLONE_NEWPID) != 0) skip("cannot make this namespace");
  pid_t child = fork();
  if (child == 0) {
    check_equal(getpid(), 1);
    mark("child");
    wait_release();
    _exit(0);
  }
  await_mark("child");
  ready();
  must_exit_well(child);
}

static void play_child_only(void) {
  pid_t child = fork();
  if (child == 0) {
    if (unshare(CLONE_NEWUTS) != 0) _exit(1);
    mark("child");
    wait_release();
    _exit(0);
  }
  await_mark("child");
  ready();
  must_exit_well(child);
}

int main(int argc, char **argv) {
  setup(argc, argv);
  play((struct test_case[]){{"net", play_net},
                            {"uts", play_uts},
                            {"ipc", play_ipc},
                            {"mnt", play_mnt},
                            {"user", play_user},
                            {"cgroup", play_cgroup},
                            {"pid", play_pid},
                            {"uts-of-child", play_child_only},
                            {0}});
}

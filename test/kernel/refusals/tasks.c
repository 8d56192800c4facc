// States of whole tasks: filters, stopped, traced, dead and half-born ones.
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>

#include "woodfrog-test.h"

static void play_seccomp(void) {
  struct sock_filter allow[] = {BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
  struct sock_fprog program = {1, allow};
  check_equal(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
  check_equal(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program), 0);
  ready();
  check_equal(prctl(PR_GET_SECCOMP), SECCOMP_MODE_FILTER);
}

static void *filtered_thread(void *arg) {
  struct sock_filter allow[] = {BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
  struct sock_fprog program = {1, allow};
  check_equal(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
  check_equal(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program), 0);
  mark("thread");
  wait_release();
  check_equal(prctl(PR_GET_SECCOMP), SECCOMP_MODE_FILTER);
  return NULL;
}
static void play_seccomp_thread(void) {
  pthread_t thread;
  pthread_create(&thread, NULL, filtered_thread, NULL);
  await_mark("thread");
  ready();
  pthread_join(thread, NULL);
}

static pid_t waiting_child(void) {
  pid_t child = fork();
  if (child > 0) return child;
  mark("child");
  wait_release();
  _exit(0);
}

static void play_traced(void) {
  pid_t child = waiting_child();
  await_mark("child");
  check_equal(ptrace(PTRACE_SEIZE, child, 0, 0), 0);
  ready();
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/status", child);
  check_equal(atoi(proc_line(path, "TracerPid:")), getpid());
  must_exit_well(child);
}

static void play_vfork(void) {
  pid_t child = vfork();
  if (child == 0) {
    ready();
    _exit(0);
  }
  must_exit_well(child);
}

static void play_user_dispatch(void) {
  static char selector;
  if (prctl(59 /* PR_SET_SYSCALL_USER_DISPATCH */, 1, 0, 0, &selector) != 0)
    skip("no syscall user dispatch");
  ready();
  check_equal(prctl(59, 0, 0, 0, 0), 0);
}

int main(int argc, char **argv) {
  setup(argc, argv);
  play((struct test_case[]){{"seccomp", play_seccomp},
                            {"seccomp-thread", play_seccomp_thread},
                            {"traced", play_traced},
                            {"vfork", play_vfork},
                            {"user-dispatch", play_user_dispatch},
                            {0}});
}

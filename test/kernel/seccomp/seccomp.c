// seccomp over a checkpoint: strict mode and chains of filters, of each thread its own, are in
// force afterwards as before, and do not hide anything from a dump.
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>

#include "woodfrog-test.h"

#define LOAD_NR BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr))
#define RETURN(action) BPF_STMT(BPF_RET | BPF_K, action)

static int install(struct sock_filter *filter, int length, int flags) {
  struct sock_fprog program = {length, filter};
  return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program);
}
// From now on the call `nr` gets `action`.
static int answer(int nr, unsigned action, int flags) {
  struct sock_filter filter[] = {LOAD_NR, BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, nr, 0, 1),
                                 RETURN(action), RETURN(SECCOMP_RET_ALLOW)};
  return install(filter, 4, flags);
}
static void fail_with(int nr, int error) {
  check_equal(answer(nr, SECCOMP_RET_ERRNO | error, 0), 0);
}
static void check_fails(int nr, int error) {
  errno = 0;
  check_equal(syscall(nr), -1);
  check_equal(errno, error);
}
static void no_new_privs(void) { check_equal(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0); }

// The youngest of two filters that agree on the action says the errno.
static void play_chain(void) {
  no_new_privs();
  fail_with(SYS_getppid, 71);
  fail_with(SYS_getppid, 72);
  fail_with(SYS_getpgrp, 73);
  ready();
  check_equal(prctl(PR_GET_SECCOMP), SECCOMP_MODE_FILTER);
  check_equal(atoi(proc_line("/proc/self/status", "Seccomp_filters:")), 3);
  check_fails(SYS_getppid, 72);
  check_fails(SYS_getpgrp, 73);
  check_equal(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), 1);
}

static void *one_more(void *arg) {
  int error = *(int *)arg;
  char name[16];
  if (error != 0) check_equal(answer(SYS_getppid, SECCOMP_RET_ERRNO | error, error & 2), 0);
  snprintf(name, sizeof name, "%d", error);
  mark(name);
  wait_release();
  nap(20);
  if (error != 0) check_fails(SYS_getppid, error);
  else check(syscall(SYS_getppid) > 0);
  check_fails(SYS_getpgrp, 70);
  check_equal(atoi(proc_line("/proc/thread-self/status", "Seccomp_filters:")), error ? 2 : 1);
  return NULL;
}
static void play_threads(void) {
  static int errors[] = {81, 82, 83, 0};
  pthread_t threads[4];
  no_new_privs();
  fail_with(SYS_getpgrp, 70);
  for (int i = 0; i < 4; i++) {
    char name[16];
    snprintf(name, sizeof name, "%d", errors[i]);
    pthread_create(&threads[i], NULL, one_more, &errors[i]);
    await_mark(name);
  }
  ready();
  for (int i = 0; i < 4; i++) pthread_join(threads[i], NULL);
  check(syscall(SYS_getppid) > 0);
}

static void *alone(void *arg) {
  no_new_privs();
  fail_with(SYS_getppid, 90);
  mark("alone");
  wait_release();
  check_fails(SYS_getppid, 90);
  return NULL;
}
static void play_one_thread(void) {
  pthread_t thread;
  pthread_create(&thread, NULL, alone, NULL);
  await_mark("alone");
  ready();
  pthread_join(thread, NULL);
  check_equal(prctl(PR_GET_SECCOMP), 0);
  check(syscall(SYS_getppid) > 0);
}

// Only threads with the very same filters can be synchronized.
static void *follower(void *arg) {
  mark("follower");
  wait_release();
  await_mark("synchronized");
  check_fails(SYS_getpgrp, 75);
  check_fails(SYS_getppid, 74);
  return NULL;
}
static void play_synchronized(void) {
  pthread_t thread;
  no_new_privs();
  fail_with(SYS_getppid, 74);
  pthread_create(&thread, NULL, follower, NULL);
  await_mark("follower");
  ready();
  check_equal(answer(SYS_getpgrp, SECCOMP_RET_ERRNO | 75, SECCOMP_FILTER_FLAG_TSYNC), 0);
  mark("synchronized");
  pthread_join(thread, NULL);
}

static volatile int caught;
static void on_signal(int signo) { caught++; }
static void play_denied(void) {
  static const int calls[] = {SYS_rt_sigaction, SYS_prctl, SYS_getitimer, SYS_personality,
                              SYS_sigaltstack};
  signal(SIGUSR2, on_signal);
  no_new_privs();
  for (int i = 0; i < 5; i++)
    check_equal(i == 1 ? 0 : answer(calls[i], SECCOMP_RET_ERRNO | EPERM, 0), 0);
  fail_with(SYS_prctl, EPERM);
  ready();
  for (int i = 0; i < 5; i++) check_fails(calls[i], EPERM);
  check_equal(raise(SIGUSR2), 0);
  check_equal(caught, 1);
}

// Installed as root, without no_new_privs, before the rights were given up.
static void play_unprivileged(void) {
  check_equal(chmod(".", 0755), 0);
  fail_with(SYS_getppid, 76);
  check_equal(setresgid(1000, 1000, 1000), 0);
  check_equal(setresuid(1000, 1000, 1000), 0);
  ready();
  check_fails(SYS_getppid, 76);
  check_equal(getuid(), 1000);
  check_equal(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), 0);
  check_equal(answer(SYS_getpgrp, SECCOMP_RET_ALLOW, 0), -1);
  check_equal(errno, EACCES);
}

static void play_child(void) {
  no_new_privs();
  fail_with(SYS_getppid, 77);
  pid_t child = fork();
  if (child == 0) {
    fail_with(SYS_getpgrp, 78);
    mark("child");
    wait_release();
    check_fails(SYS_getppid, 77);
    check_fails(SYS_getpgrp, 78);
    _exit(0);
  }
  await_mark("child");
  ready();
  check_fails(SYS_getppid, 77);
  check(syscall(SYS_getpgrp) > 0);
  must_exit_well(child);
}

// What this program never calls, and a dump does, kills it.
static void play_deadly(void) {
  no_new_privs();
  check_equal(answer(SYS_getitimer, SECCOMP_RET_KILL_PROCESS, 0), 0);
  ready();
  pid_t child = fork();
  if (child == 0) syscall(SYS_getitimer, 0, NULL);
  int status;
  check_equal(waitpid(child, &status, 0), child);
  check(WIFSIGNALED(status));
  check_equal(WTERMSIG(status), SIGSYS);
}

static int to_strict[2], from_strict[2];
static void *strict(void *arg) {
  char byte = 0;
  mark("strict");
  prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT);
  if (syscall(SYS_read, to_strict[0], &byte, 1) == 1) {
    byte++;
    syscall(SYS_write, from_strict[1], &byte, 1);
    // Another system call ends the thread.
    if (byte == 'c') syscall(SYS_getppid);
    byte = '!';
    syscall(SYS_write, from_strict[1], &byte, 1);
  }
  syscall(SYS_exit, 0);
  return NULL;
}
static void play_strict(void) {
  pthread_t thread;
  char bytes[3] = "";
  check_equal(pipe(to_strict), 0);
  check_equal(pipe(from_strict), 0);
  pthread_create(&thread, NULL, strict, NULL);
  await_mark("strict");
  nap(20);
  ready();
  check_equal(write(to_strict[1], "a", 1), 1);
  check_equal(read(from_strict[0], bytes, 1), 1);
  check_equal(read(from_strict[0], bytes + 1, 1), 1);
  check_text(bytes, "b!");
  pthread_join(thread, NULL);
}

int main(int argc, char **argv) {
  setup(argc, argv);
  play((struct test_case[]){{"chain", play_chain},
                            {"threads", play_threads},
                            {"one-thread", play_one_thread},
                            {"synchronized", play_synchronized},
                            {"denied", play_denied},
                            {"unprivileged", play_unprivileged},
                            {"child", play_child},
                            {"deadly", play_deadly},
                            {"strict", play_strict},
                            {0}});
}

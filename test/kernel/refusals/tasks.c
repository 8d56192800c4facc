// States of whole tasks: filters, stopped, traced, dead and half-born ones.
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>

#include "woodfrog-test.h"

static void install(struct sock_filter *filter, int length) {
  struct sock_fprog program = {length, filter};
  check_equal(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
  check_equal(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program), 0);
}
// What this program never calls, and a dump does.
static void answer_getitimer(unsigned action) {
  struct sock_filter filter[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getitimer, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, action),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  install(filter, 4);
}
static void play_seccomp_supervised(void) {
  answer_getitimer(SECCOMP_RET_USER_NOTIF);
  ready();
  check_equal(prctl(PR_GET_SECCOMP), SECCOMP_MODE_FILTER);
}

static void play_deadline(void) {
  struct {
    uint32_t size, policy;
    uint64_t flags;
    int32_t nice;
    uint32_t priority;
    uint64_t runtime, deadline, period;
  } attributes = {.size = 48, .policy = 6, .runtime = 1000000, .deadline = 100000000, .period = 100000000};
  if (syscall(SYS_sched_setattr, 0, &attributes, 0) != 0) skip("no SCHED_DEADLINE here");
  ready();
  check_equal(sched_getscheduler(0), 6);
}

static pid_t waiting_child(void) {
  pid_t child = fork();
  if (child > 0) return child;
  mark("child");
  wait_release();
  _exit(0);
}

// A child that runs 32-bit code: pause(2) by int $0x80, again and again.
static void play_compat(void) {
  static const unsigned char code[] = {0xb8, 29, 0, 0, 0, 0xcd, 0x80, 0xeb, 0xf7};
  unsigned char *low = mmap(NULL, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC,
                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
  check(low != MAP_FAILED);
  memcpy(low, code, sizeof code);
  long result;
  __asm__ volatile("int $0x80" : "=a"(result) : "a"(20L) : "memory", "r8", "r9", "r10", "r11");
  if (result != getpid()) skip("no 32-bit system calls");
  pid_t child = fork();
  if (child == 0) {
    mark("child");
    __asm__ volatile("pushq $0x23\n\tpushq %0\n\tlretq" ::"r"((long)low) : "memory");
  }
  await_mark("child");
  nap(20);
  ready();
  int status;
  check_equal(waitpid(child, &status, WNOHANG), 0);
  check_equal(kill(child, SIGKILL), 0);
  check_equal(waitpid(child, &status, 0), child);
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
  play((struct test_case[]){{"deadline", play_deadline},
                            {"seccomp-supervised", play_seccomp_supervised},
                            {"compat", play_compat},
                            {"traced", play_traced},
                            {"vfork", play_vfork},
                            {"user-dispatch", play_user_dispatch},
                            {0}});
}

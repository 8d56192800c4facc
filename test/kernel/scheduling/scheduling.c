// How threads are scheduled: policy, priority, nice value, CPUs and I/O priority, of each thread its own.
#include <sched.h>
#include <sys/resource.h>

#include "woodfrog-test.h"

struct attr {
  uint32_t size, policy;
  uint64_t flags;
  int32_t nice;
  uint32_t priority;
  uint64_t runtime, deadline, period;
  uint32_t util_min, util_max;
};
struct seen {
  struct attr attr;
  cpu_set_t cpus;
  int ioprio, nice;
};

static struct seen look(void) {
  struct seen seen;
  memset(&seen, 0, sizeof seen);
  check_equal(syscall(SYS_sched_getattr, 0, &seen.attr, sizeof seen.attr, 0), 0);
  check_equal(sched_getaffinity(0, sizeof seen.cpus, &seen.cpus), 0);
  seen.ioprio = syscall(SYS_ioprio_get, 1, 0);
  seen.nice = getpriority(PRIO_PROCESS, 0);
  return seen;
}

static void must_be(const char *who, struct seen before) {
  struct seen now = look();
  check_equal(now.attr.policy, before.attr.policy);
  check_equal(now.attr.flags, before.attr.flags);
  check_equal(now.attr.nice, before.attr.nice);
  check_equal(now.attr.priority, before.attr.priority);
  check_equal(now.attr.runtime, before.attr.runtime);
  check_equal(now.ioprio, before.ioprio);
  check_equal(now.nice, before.nice);
  if (memcmp(&now, &before, sizeof now) != 0) fail("%s is scheduled differently", who);
}

static void set(int policy, int priority, int nice, uint64_t flags) {
  struct attr attr = {.size = sizeof attr, .policy = policy, .priority = priority, .nice = nice, .flags = flags};
  if (syscall(SYS_sched_setattr, 0, &attr, 0) != 0) skip("this scheduling class needs more privileges");
}

static void pin(int cpu) {
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(cpu, &one);
  check_equal(sched_setaffinity(0, sizeof one, &one), 0);
}

static void *thread(void *arg) {
  set(SCHED_BATCH, 0, 7, 0);
  check_equal(syscall(SYS_ioprio_set, 1, 0, 3 << 13), 0);
  pin(sysconf(_SC_NPROCESSORS_ONLN) - 1);
  struct seen before = look();
  mark("thread");
  wait_release();
  must_be("the thread", before);
  return NULL;
}

int main(int argc, char **argv) {
  setup(argc, argv);
  pthread_t other;
  int has_thread = strcmp(test_case, "thread") == 0;
  if (has_thread) {
    check_equal(pthread_create(&other, NULL, thread, NULL), 0);
    await_mark("thread");
  } else if (strcmp(test_case, "fifo") == 0) {
    check_equal(setpriority(PRIO_PROCESS, 0, 4), 0);
    set(SCHED_FIFO, 3, 0, 1 /* SCHED_FLAG_RESET_ON_FORK */);
  } else if (strcmp(test_case, "round-robin") == 0) {
    set(SCHED_RR, 1, 0, 0);
  } else if (strcmp(test_case, "idle") == 0) {
    set(SCHED_IDLE, 0, 0, 0);
    check_equal(setpriority(PRIO_PROCESS, 0, 5), 0);
  } else if (strcmp(test_case, "batch") == 0) {
    set(SCHED_BATCH, 0, -3, 0);
  } else if (strcmp(test_case, "slice") == 0) {
    struct attr attr = {.size = sizeof attr, .runtime = 10 * 1000 * 1000};
    check_equal(syscall(SYS_sched_setattr, 0, &attr, 0), 0);
    check_equal(syscall(SYS_sched_getattr, 0, &attr, sizeof attr, 0), 0);
    if (attr.runtime != 10 * 1000 * 1000) skip("this kernel has no time slices to choose");
  } else if (strcmp(test_case, "pinned") == 0) {
    pin(0);
    check_equal(syscall(SYS_ioprio_set, 1, 0, 2 << 13 | 6), 0);
  }
  struct seen before = look();

  ready();

  must_be("the process", before);
  if (has_thread) check_equal(pthread_join(other, NULL), 0);
  pass();
}

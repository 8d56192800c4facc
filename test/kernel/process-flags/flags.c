// Choices that a process or thread makes once and can be asked for: prctl(2), membarrier(2).
#include <linux/membarrier.h>
#include <linux/prctl.h>
#include <sys/personality.h>
#include <sys/prctl.h>

#include "woodfrog-test.h"

struct seen {
  int mce_kill, tsc, mdwe, merge, io_flusher, store_bypass, registrations, persona, futex_slots;
};

static struct seen look(void) {
  struct seen seen;
  memset(&seen, 0, sizeof seen);
  seen.mce_kill = prctl(PR_MCE_KILL_GET, 0, 0, 0, 0);
  check_equal(prctl(PR_GET_TSC, &seen.tsc), 0);
  seen.mdwe = prctl(66 /* PR_GET_MDWE */, 0, 0, 0, 0);
  seen.merge = prctl(68 /* PR_GET_MEMORY_MERGE */, 0, 0, 0, 0);
  seen.io_flusher = prctl(58 /* PR_GET_IO_FLUSHER */, 0, 0, 0, 0);
  seen.store_bypass = prctl(52 /* PR_GET_SPECULATION_CTRL */, 0, 0, 0, 0);
  seen.registrations = syscall(SYS_membarrier, 512 /* MEMBARRIER_CMD_GET_REGISTRATIONS */, 0, 0);
  seen.persona = personality(0xffffffff);
  seen.futex_slots = prctl(78 /* PR_FUTEX_HASH */, 2 /* ..._GET_SLOTS */, 0, 0, 0);
  return seen;
}

static void must_be(const char *who, struct seen before) {
  struct seen now = look();
  check_equal(now.mce_kill, before.mce_kill);
  check_equal(now.tsc, before.tsc);
  check_equal(now.mdwe, before.mdwe);
  check_equal(now.registrations, before.registrations);
  check_equal(now.persona, before.persona);
  check_equal(now.futex_slots, before.futex_slots);
  if (memcmp(&now, &before, sizeof now) != 0) fail("%s has made other choices", who);
}

static void *thread(void *arg) {
  check_equal(personality(strcmp(test_case, "thread") == 0 ? ADDR_COMPAT_LAYOUT : 0) == -1, 0);
  check_equal(prctl(PR_MCE_KILL, PR_MCE_KILL_SET, PR_MCE_KILL_LATE, 0, 0), 0);
  struct seen before = look();
  mark("thread");
  wait_release();
  must_be("the thread", before);
  return NULL;
}

static void *idle(void *arg) {
  for (;;) pause();
  return arg;
}

int main(int argc, char **argv) {
  setup(argc, argv);
  pthread_t other;
  pid_t child = 0;
  int has_thread = strncmp(test_case, "thread", 6) == 0;
  if (has_thread) {
    if (strcmp(test_case, "thread-without") == 0) check_equal(personality(ADDR_NO_RANDOMIZE) == -1, 0);
    check_equal(prctl(PR_MCE_KILL, PR_MCE_KILL_SET, PR_MCE_KILL_EARLY, 0, 0), 0);
    check_equal(pthread_create(&other, NULL, thread, NULL), 0);
    await_mark("thread");
  } else if (strcmp(test_case, "membarrier") == 0) {
    if (syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0) != 0) skip("no membarrier");
    check_equal(syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED, 0, 0), 0);
  } else if (strcmp(test_case, "merge") == 0) {
    if (prctl(67 /* PR_SET_MEMORY_MERGE */, 1, 0, 0, 0) != 0) skip("PR_SET_MEMORY_MERGE needs privileges");
  } else if (strcmp(test_case, "io-flusher") == 0) {
    if (prctl(57 /* PR_SET_IO_FLUSHER */, 1, 0, 0, 0) != 0) skip("PR_SET_IO_FLUSHER needs privileges");
  } else if (strcmp(test_case, "mdwe") == 0) {
    if (prctl(65 /* PR_SET_MDWE */, 1, 0, 0, 0) != 0) skip("no PR_SET_MDWE");
    check_equal(mmap(NULL, 4096, PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED, 1);
    for (int i = 0; i < 2; i++) check_equal(pthread_create(&other, NULL, idle, NULL), 0);
    if ((child = fork()) == 0) idle(NULL);
  } else if (strcmp(test_case, "futex-hash") == 0 || strcmp(test_case, "shared-futex-hash") == 0) {
    if (prctl(78, 2, 0, 0, 0) < 0) skip("no private futex hash");
    for (int i = 0; i < 2; i++) check_equal(pthread_create(&other, NULL, idle, NULL), 0);
    int slots = strcmp(test_case, "futex-hash") == 0 ? 128 : 0;
    check_equal(prctl(78, 1 /* ..._SET_SLOTS */, slots, 0, 0), 0);
    check_equal(look().futex_slots, slots);
  } else if (strcmp(test_case, "speculation") == 0) {
    if (prctl(53 /* PR_SET_SPECULATION_CTRL */, 0, 4, 0, 0) != 0) skip("speculation is not a choice here");
  }
  struct seen before = look();

  ready();

  must_be("the process", before);
  if (before.mdwe) {
    void *page = mmap(NULL, 4096, PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    check_equal(page == MAP_FAILED, 1);
    check_equal(errno, EACCES);
    check_equal(kill(child, SIGKILL), 0);
    check_equal(waitpid(child, NULL, 0), child);
  }
  if (has_thread) check_equal(pthread_join(other, NULL), 0);
  pass();
}

// Monotonic and boot-time clocks go on from where they stood: neither back, nor ahead by the time
// that was lost. Case 'own': in a time namespace of the program's own, where they are far ahead.
#include <sched.h>

#include "woodfrog-test.h"

static int64_t now(clockid_t clock) {
  struct timespec t;
  clock_gettime(clock, &t);
  return t.tv_sec * 1000000000ll + t.tv_nsec;
}

static volatile int64_t last_seen[2] __attribute__((aligned(64)));
static const clockid_t clocks[2] = {CLOCK_MONOTONIC, CLOCK_BOOTTIME};

// execve(2) is what enters it: Linux 6.1.
static void enter_namespace(char **argv) {
  static const char offsets[] = "monotonic 1000000 0\nboottime 2000000 0\n";
  if (unshare(0x80 /* CLONE_NEWTIME */) != 0) skip("no time namespaces");
  int fd = open("/proc/self/timens_offsets", O_WRONLY | O_CLOEXEC);
  check(fd >= 0);
  check_equal(write(fd, offsets, strlen(offsets)), strlen(offsets));
  close(fd);
  execv("/proc/self/exe", (char *[]){argv[0], argv[1], "owned", NULL});
  fail("execv: %s", strerrorname_np(errno));
}

int main(int argc, char **argv) {
  setup(argc, argv);
  if (strcmp(test_case, "own") == 0) enter_namespace(argv);
  int64_t ahead = strcmp(test_case, "owned") == 0 ? 1000000 * 1000000000ll : 0;
  // The longest step that any of the two clocks made between two looks; the pause of the checkpoint
  // is one.
  int64_t worst_back = 0, worst_ahead = 0;
  for (int i = 0; i < 2; i++) {
    last_seen[i] = now(clocks[i]);
    check(last_seen[i] > ahead * (i + 1));
  }
  say("READY\n");
  while (!released()) {
    nap(2);
    for (int i = 0; i < 2; i++) {
      int64_t t = now(clocks[i]), step = t - last_seen[i];
      if (step < worst_back) worst_back = step;
      if (step > worst_ahead) worst_ahead = step;
      last_seen[i] = t;
    }
  }
  if (worst_back < 0) fail("a clock went back by %lld ns", (long long)-worst_back);
  check(now(CLOCK_MONOTONIC) > ahead && now(CLOCK_BOOTTIME) > 2 * ahead);
  // The test lets three seconds pass between dump and restore.
  if (worst_ahead > 2000000000ll) fail("a clock jumped ahead by %lld ns", (long long)worst_ahead);
  pass();
}

// Monotonic and boot-time clocks go on from where they stood: neither back, nor ahead by the time
// that was lost.
#include "woodfrog-test.h"

static int64_t now(clockid_t clock) {
  struct timespec t;
  clock_gettime(clock, &t);
  return t.tv_sec * 1000000000ll + t.tv_nsec;
}

static volatile int64_t last_seen[2] __attribute__((aligned(64)));
static const clockid_t clocks[2] = {CLOCK_MONOTONIC, CLOCK_BOOTTIME};

int main(int argc, char **argv) {
  setup(argc, argv);
  // The longest step that any of the two clocks made between two looks; the pause of the checkpoint
  // is one.
  int64_t worst_back = 0, worst_ahead = 0;
  for (int i = 0; i < 2; i++) last_seen[i] = now(clocks[i]);
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
  // The test lets three seconds pass between dump and restore.
  if (worst_ahead > 2000000000ll) fail("a clock jumped ahead by %lld ns", (long long)worst_ahead);
  pass();
}

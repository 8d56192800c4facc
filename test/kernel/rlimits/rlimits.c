// Resource limits: soft and hard values of all sixteen, RLIM_INFINITY among them.
#include <sys/resource.h>

#include "woodfrog-test.h"

int main(int argc, char **argv) {
  setup(argc, argv);
  struct rlimit set[16];
  for (int i = 0; i < 16; i++) {
    check_equal(getrlimit(i, &set[i]), 0);
    rlim_t hard = set[i].rlim_max;
    // Below what is there, odd, large enough to live with, and soft unlike hard.
    if (hard == RLIM_INFINITY && i % 2) hard = (1ul << 40) + 8192 * i;
    if (i == RLIMIT_NOFILE) hard = hard < 1000 ? hard : 999;
    set[i].rlim_max = hard;
    set[i].rlim_cur = hard == RLIM_INFINITY ? (1ul << 41) + 4096 * i : hard - hard / 7;
    if (i == RLIMIT_CPU) set[i].rlim_cur = RLIM_INFINITY, set[i].rlim_max = RLIM_INFINITY;
    check_equal(setrlimit(i, &set[i]), 0);
  }

  ready();

  for (int i = 0; i < 16; i++) {
    struct rlimit now;
    check_equal(getrlimit(i, &now), 0);
    if (now.rlim_cur != set[i].rlim_cur || now.rlim_max != set[i].rlim_max)
      fail("limit %d is %#lx/%#lx, not %#lx/%#lx", i, now.rlim_cur, now.rlim_max, set[i].rlim_cur,
           set[i].rlim_max);
  }
  pass();
}

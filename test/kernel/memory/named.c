// Names that prctl(PR_SET_VMA_ANON_NAME) gave to anonymous mappings (Linux 5.17,
// CONFIG_ANON_VMA_NAME).
#include <sys/prctl.h>

#include "woodfrog-test.h"

#ifndef PR_SET_VMA
#define PR_SET_VMA 0x53564d41
#define PR_SET_VMA_ANON_NAME 0
#endif

int main(int argc, char **argv) {
  setup(argc, argv);
  void *area = mmap(NULL, 3 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  fill(area, 3 * PAGE, 1);
  if (prctl(PR_SET_VMA, PR_SET_VMA_ANON_NAME, area, 3 * PAGE, "a name of its own") != 0)
    skip("CONFIG_ANON_VMA_NAME is off");
  ready();
  check_fill(area, 3 * PAGE, 1);
  pass();
}

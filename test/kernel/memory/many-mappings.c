// Five thousand mappings, each with bytes of its own.
#include "woodfrog-test.h"

enum { COUNT = 5000 };

int main(int argc, char **argv) {
  setup(argc, argv);
  // Every second page read-only, so that no two neighbours can merge.
  unsigned char *area =
      mmap(NULL, COUNT * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  check(area != MAP_FAILED);
  for (int i = 0; i < COUNT; i++) {
    memcpy(area + i * PAGE, &i, sizeof i);
    if (i % 2) check_equal(mprotect(area + i * PAGE, PAGE, PROT_READ), 0);
  }

  ready();

  for (int i = 0; i < COUNT; i++) check_equal(*(int *)(area + i * PAGE), i);
  pass();
}

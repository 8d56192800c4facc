// A terabyte of reserved address space, and a sparse writable one with pages far apart.
#include "woodfrog-test.h"

int main(int argc, char **argv) {
  setup(argc, argv);
  const size_t tebi = 1ul << 40, gibi = 1ul << 30;
  unsigned char *reserve =
      mmap(NULL, tebi, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  unsigned char *sparse = mmap(NULL, 256 * gibi, PROT_READ | PROT_WRITE,
                               MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  check(reserve != MAP_FAILED && sparse != MAP_FAILED);
  check_equal(mprotect(reserve + tebi / 2, 2 * PAGE, PROT_READ | PROT_WRITE), 0);
  fill(reserve + tebi / 2, 2 * PAGE, 1);
  for (int i = 0; i < 256; i += 51) fill(sparse + i * gibi, PAGE, 100 + i);

  ready();

  check_fill(reserve + tebi / 2, 2 * PAGE, 1);
  for (int i = 0; i < 256; i += 51) check_fill(sparse + i * gibi, PAGE, 100 + i);
  check(!is_populated(sparse + 7 * gibi));
  check_equal(sparse[7 * gibi], 0);
  pass();
}

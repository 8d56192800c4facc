// Shared anonymous memory between relatives: one object behind mappings of different size, place
// and protection, pages that only one of them ever touched, and a hole.
#include "woodfrog-test.h"

enum { PAGES = 32 };

int main(int argc, char **argv) {
  setup(argc, argv);
  volatile unsigned char *area =
      mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  // Two objects side by side must not become one.
  volatile unsigned char *other =
      mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  check(area != MAP_FAILED && other != MAP_FAILED);
  other[0] = 0x77;
  // A second view of the same pages in this process: mremap with old size 0.
  volatile unsigned char *again = mremap((void *)area, 0, 2 * PAGE, MREMAP_MAYMOVE);
  check(again != MAP_FAILED);
  fill((void *)area, 2 * PAGE, 1);
  pid_t child = fork();
  if (child == 0) {
    // Sees only the middle, and part of it read-only; touches pages the parent never did.
    check_equal(munmap((void *)area, 4 * PAGE), 0);
    check_equal(mprotect((void *)(area + 30 * PAGE), 2 * PAGE, PROT_READ), 0);
    fill((void *)(area + 20 * PAGE), PAGE, 2);
    mark("child");
    wait_release();
    check_fill((void *)(area + 20 * PAGE), PAGE, 2);
    area[21 * PAGE] = 0x42;
    while (area[22 * PAGE] != 0x43) nap(1);
    while (area[31 * PAGE] != 0x44) nap(1);
    check_equal(other[0], 0x77);
    _exit(0);
  }
  await_mark("child");
  // Both ends of a mapping gone: it starts inside the object.
  check_equal(munmap((void *)(area + 2 * PAGE), PAGE), 0);

  ready();

  check_fill((void *)area, 2 * PAGE, 1);
  check_fill((void *)again, 2 * PAGE, 1);
  area[5] = 0x99;
  check_equal(again[5], 0x99);
  for (size_t i = 0; i < PAGE; i++) check_equal(area[10 * PAGE + i], 0);
  while (area[21 * PAGE] != 0x42) nap(1);
  check_fill((void *)(area + 20 * PAGE), PAGE, 2);
  area[22 * PAGE] = 0x43;
  area[31 * PAGE] = 0x44;
  must_exit_well(child);
  check_equal(other[0], 0x77);
  pass();
}

// Private anonymous memory: written pages keep their bytes, pages of zeros stay zeros, untouched
// pages take no memory.
#include "woodfrog-test.h"

enum { PAGES = 64 };

int main(int argc, char **argv) {
  setup(argc, argv);
  unsigned char *area =
      mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  check(area != MAP_FAILED);
  // Page i: written when i % 4 is 1, written with zeros when 2, only read (the kernel's zero page)
  // when 3.
  volatile unsigned char sink;
  for (int i = 0; i < PAGES; i++) {
    if (i % 4 == 1) fill(area + i * PAGE, PAGE, i);
    if (i % 4 == 2) memset(area + i * PAGE, 0, PAGE);
    if (i % 4 == 3) sink = area[i * PAGE];
  }
  (void)sink;

  ready();

  for (int i = 0; i < PAGES; i++) check_equal(is_populated(area + i * PAGE) && i % 4 == 0, 0);
  for (int i = 0; i < PAGES; i++) {
    if (i % 4 == 1) {
      check_fill(area + i * PAGE, PAGE, i);
      continue;
    }
    for (size_t j = 0; j < PAGE; j++) check_equal(area[i * PAGE + j], 0);
  }
  memset(area, 7, PAGES * PAGE);
  pass();
}

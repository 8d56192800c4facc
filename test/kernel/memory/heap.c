// The heap: its bytes, the program break, and that both sbrk(2) and malloc(3) go on from there.
#include "woodfrog-test.h"

int main(int argc, char **argv) {
  setup(argc, argv);
  unsigned char *start = sbrk(300000);
  check(start != (void *)-1);
  fill(start, 300000, 1);
  unsigned char *small = malloc(5000);
  fill(small, 5000, 2);
  void *end = sbrk(0);

  ready();

  check(sbrk(0) == end);
  check_fill(start, 300000, 1);
  check_fill(small, 5000, 2);
  unsigned char *more = sbrk(1 << 20);
  check(more == end);
  fill(more, 1 << 20, 3);
  unsigned char *next = malloc(70000);
  fill(next, 70000, 4);
  check_fill(start, 300000, 1);
  check_fill(small, 5000, 2);
  check_fill(more, 1 << 20, 3);
  check_equal(brk(end), 0);
  check(sbrk(0) == end);
  free(small);
  pass();
}

// 64 MiB of written memory: enough for a dump or restore to have progress to tell.
#include "woodfrog-test.h"

#define LENGTH (64ul * 1024 * 1024)

int main(int argc, char **argv) {
  setup(argc, argv);
  unsigned char *area = mmap(NULL, LENGTH, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  check(area != MAP_FAILED);
  fill(area, LENGTH, 1);
  ready();
  check_fill(area, LENGTH, 1);
  pass();
}

// Private memory after fork(2): relatives share what none has changed, and each keeps what it
// changed itself.
#include "woodfrog-test.h"

enum { PAGES = 16 };

int main(int argc, char **argv) {
  setup(argc, argv);
  unsigned char *area =
      mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  fill(area, PAGES * PAGE, 1);
  pid_t child = fork();
  if (child == 0) {
    fill(area + 4 * PAGE, PAGE, 2);
    madvise(area + 8 * PAGE, PAGE, MADV_DONTNEED);
    mark("child");
    wait_release();
    check_fill(area, 4 * PAGE, 1);
    check_fill(area + 4 * PAGE, PAGE, 2);
    for (size_t i = 0; i < PAGE; i++) check_equal(area[8 * PAGE + i], 0);
    area[0] ^= 0xFF;
    _exit(0);
  }
  await_mark("child");
  ready();
  must_exit_well(child);
  check_fill(area, PAGES * PAGE, 1);
  pass();
}

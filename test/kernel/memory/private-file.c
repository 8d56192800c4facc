// A private file mapping: pages it changed are its own, pages it did not still follow the file.
#include "woodfrog-test.h"

enum { PAGES = 8 };

int main(int argc, char **argv) {
  setup(argc, argv);
  static unsigned char content[PAGES * PAGE];
  fill(content, sizeof content, 1);
  int fd = open("mapped", O_CREAT | O_RDWR, 0644);
  check_equal(write(fd, content, sizeof content), sizeof content);
  unsigned char *map = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
  unsigned char *tail = mmap(NULL, 2 * PAGE, PROT_READ, MAP_PRIVATE, fd, 6 * PAGE);
  check(map != MAP_FAILED && tail != MAP_FAILED);
  memset(map + PAGE, 0xAA, PAGE);
  memset(map + 3 * PAGE + 100, 0xBB, 5);
  memset(map + 5 * PAGE, 0, PAGE);
  // Read-only once more, and changed: the page must come back though it cannot be written.
  memset(map + 7 * PAGE, 0xDD, PAGE);
  check_equal(mprotect(map + 7 * PAGE, PAGE, PROT_READ), 0);
  close(fd);

  ready();

  for (size_t i = 0; i < PAGE; i++) check_equal(map[PAGE + i], 0xAA);
  for (size_t i = 0; i < PAGE; i++) check_equal(map[5 * PAGE + i], 0);
  for (size_t i = 0; i < PAGE; i++) check_equal(map[7 * PAGE + i], 0xDD);
  for (size_t i = 0; i < 5; i++) check_equal(map[3 * PAGE + 100 + i], 0xBB);
  check_equal(memcmp(map, content, PAGE), 0);
  check_equal(memcmp(map + 3 * PAGE, content + 3 * PAGE, 100), 0);
  check_equal(memcmp(tail, content + 6 * PAGE, 2 * PAGE), 0);
  fd = open("mapped", O_RDWR);
  check_equal(pwrite(fd, "new", 3, 0), 3);
  check_equal(pwrite(fd, "new", 3, PAGE), 3);
  check_equal(pwrite(fd, "new", 3, 6 * PAGE), 3);
  check_equal(memcmp(map, "new", 3), 0);
  check_equal(map[PAGE], 0xAA);
  check_equal(memcmp(tail, "new", 3), 0);
  pass();
}

// Shared file mappings: what was written is in the file, and the mapping and the file stay one
// thing.
#include "woodfrog-test.h"

int main(int argc, char **argv) {
  setup(argc, argv);
  int fd = open("shared", O_CREAT | O_RDWR, 0644);
  check_equal(ftruncate(fd, 5 * PAGE), 0);
  unsigned char *map = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, PAGE);
  unsigned char *reader = mmap(NULL, 5 * PAGE, PROT_READ, MAP_SHARED, fd, 0);
  close(fd);
  fd = open("shared", O_RDONLY);
  // A read-only description: the mapping may never become writable.
  unsigned char *locked = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0);
  check(map != MAP_FAILED && reader != MAP_FAILED && locked != MAP_FAILED);
  close(fd);
  fill(map, 2 * PAGE, 1);
  // Two pages beyond the end of the file, once it is cut.
  check_equal(truncate("shared", 3 * PAGE), 0);

  ready();

  check_fill(map, 2 * PAGE, 1);
  check_fill(reader + PAGE, 2 * PAGE, 1);
  unsigned char bytes[PAGE];
  fd = open("shared", O_RDWR);
  check_equal(pread(fd, bytes, PAGE, PAGE), PAGE);
  check_fill(bytes, PAGE, 1);
  map[0] = 0x11;
  check_equal(reader[PAGE], 0x11);
  check_equal(pread(fd, bytes, 1, PAGE), 1);
  check_equal(bytes[0], 0x11);
  check_equal(pwrite(fd, "x", 1, 0), 1);
  check_equal(locked[0], 'x');
  check_equal(mprotect(locked, PAGE, PROT_READ | PROT_WRITE), -1);
  check_equal(errno, EACCES);
  check_equal(ftruncate(fd, 5 * PAGE), 0);
  map[3 * PAGE] = 0x22;
  check_equal(reader[4 * PAGE], 0x22);
  pass();
}

// eventfds: counters of any size, semaphores, flags, and one shared with a child that waits in read(2).
#include <sys/eventfd.h>

#include "woodfrog-test.h"

static void put(int fd, uint64_t value) { check_equal(write(fd, &value, 8), 8); }

static uint64_t take(int fd) {
  uint64_t value = 0;
  check_equal(read(fd, &value, 8), 8);
  return value;
}

static void must_be_empty(int fd) {
  uint64_t value;
  check_equal(read(fd, &value, 8), -1);
  check_equal(errno, EAGAIN);
}

static void play_shared(void) {
  int first = eventfd(7, EFD_NONBLOCK), zero = eventfd(0, EFD_CLOEXEC), twin = dup(first);
  int shared = eventfd(0, 0), answer = eventfd(0, 0);
  pid_t child = fork();
  if (child == 0) {
    put(answer, take(shared) + 1);
    _exit(0);
  }
  int other = eventfd(0, EFD_NONBLOCK);

  ready();

  check_equal(fcntl(first, F_GETFL), O_RDWR | O_NONBLOCK);
  check_equal(fcntl(zero, F_GETFL), O_RDWR);
  check_equal(fcntl(zero, F_GETFD), FD_CLOEXEC);
  check_equal(take(twin), 7);
  must_be_empty(first);
  must_be_empty(other);
  put(twin, 5);
  check_equal(take(first), 5);
  put(shared, 41);
  check_equal(take(answer), 42);
  must_exit_well(child);
}

static void play_wide(void) {
  uint64_t value = 0x123456789abcdefull, most = 0xfffffffffffffffeull, one = 1;
  int wide = eventfd(0, EFD_NONBLOCK), full = eventfd(0, 0);
  put(wide, value);
  put(full, most);
  check_equal(fcntl(full, F_SETFL, O_NONBLOCK), 0);

  ready();

  check_equal(take(wide), value);
  must_be_empty(wide);
  check_equal(write(full, &one, 8), -1);
  check_equal(errno, EAGAIN);
  check_equal(take(full), most);
}

static void play_semaphore(void) {
  int semaphore = eventfd(3, EFD_SEMAPHORE | EFD_NONBLOCK);
  ready();
  for (int i = 0; i < 3; i++) check_equal(take(semaphore), 1);
  must_be_empty(semaphore);
  put(semaphore, 2);
  check_equal(take(semaphore), 1);
}

int main(int argc, char **argv) {
  setup(argc, argv);
  play((struct test_case[]){
      {"shared", play_shared}, {"wide", play_wide}, {"semaphore", play_semaphore}, {0}});
}

// Contexts of asynchronous I/O: completed events that nobody has taken, a ring that went round, an empty one, a large one,
// a context that is gone in between.
#include <linux/aio_abi.h>
#include <sys/eventfd.h>

#include "woodfrog-test.h"

struct ring {
  unsigned id, nr, head, tail;
};

static int file, told;

static long io_setup(unsigned count, aio_context_t *context) {
  *context = 0;
  return syscall(SYS_io_setup, count, context);
}

static void submit(aio_context_t context, uint64_t number) {
  struct iocb request = {
      .aio_data = number,
      .aio_lio_opcode = IOCB_CMD_PWRITE,
      .aio_fildes = file,
      .aio_buf = (uintptr_t) "0123456789",
      .aio_nbytes = number % 10,
      .aio_offset = number,
      .aio_flags = IOCB_FLAG_RESFD,
      .aio_resfd = told,
  };
  struct iocb *requests[] = {&request};
  check_equal(syscall(SYS_io_submit, context, 1, requests), 1);
}

static void take(aio_context_t context, uint64_t from, uint64_t to) {
  struct io_event event;
  struct timespec soon = {10, 0};
  for (uint64_t number = from; number < to; number++) {
    check_equal(syscall(SYS_io_getevents, context, 1, 1, &event, &soon), 1);
    check_equal(event.data, number);
    check_equal(event.res, number % 10);
  }
}

static void check_empty(aio_context_t context) {
  struct io_event event;
  struct timespec now = {0, 0};
  check_equal(syscall(SYS_io_getevents, context, 1, 1, &event, &now), 0);
}

// Fewer than the ring has room for: each processor keeps some for itself.
static void use_again(aio_context_t context) {
  for (uint64_t number = 0; number < 60; number++) submit(context, number);
  take(context, 0, 60);
  check_empty(context);
}

int main(int argc, char **argv) {
  setup(argc, argv);
  file = open("data", O_CREAT | O_RDWR, 0600);
  told = eventfd(0, EFD_NONBLOCK);
  aio_context_t gone, round, some, large, fresh;
  check_equal(io_setup(1, &gone), 0);
  check_equal(io_setup(16, &round), 0);
  check_equal(io_setup(16, &some), 0);
  check_equal(io_setup(3000, &large), 0);
  check_equal(io_setup(16, &fresh), 0);
  check_equal(syscall(SYS_io_destroy, gone), 0);
  for (uint64_t number = 0; number < 124; number++) {
    submit(round, number);
    take(round, number, number + 1);
  }
  for (uint64_t number = 124; number < 130; number++) submit(round, number);
  for (uint64_t number = 0; number < 5; number++) submit(some, number);
  take(some, 0, 2);
  for (uint64_t number = 0; number < 300; number++) submit(large, number);
  struct ring rings[] = {*(struct ring *)round, *(struct ring *)some, *(struct ring *)large};
  check(rings[0].tail < rings[0].head);

  // It has the mappings and no contexts.
  pid_t child = strcmp(test_case, "forked") == 0 ? fork() : -1;
  if (child == 0) {
    wait_release();
    struct ring *ring = (struct ring *)some;
    check_equal(ring->head, rings[1].head);
    check_equal(ring->tail, rings[1].tail);
    check_equal(((struct io_event *)(some + 32))[2].data, 2);
    mark("child");
    _exit(0);
  }

  ready();

  if (child > 0) {
    await_mark("child");
    must_exit_well(child);
  }
  uint64_t counted = 0;
  check_equal(read(told, &counted, 8), 8);
  check_equal(counted, 130 + 5 + 300);
  struct ring now[] = {*(struct ring *)round, *(struct ring *)some, *(struct ring *)large};
  for (int i = 0; i < 3; i++) {
    check_equal(now[i].nr, rings[i].nr);
    check_equal(now[i].head, rings[i].head);
    check_equal(now[i].tail, rings[i].tail);
  }
  take(round, 124, 130);
  submit(some, 5);
  take(some, 2, 6);
  take(large, 0, 300);
  check_empty(round), check_empty(some), check_empty(large), check_empty(fresh);
  for (int i = 0; i < 3; i++) use_again(round), use_again(some), use_again(fresh);
  for (uint64_t number = 0; number < 1000; number++) submit(large, number);
  take(large, 0, 1000);
  check_equal(syscall(SYS_io_destroy, round), 0);
  check_equal(syscall(SYS_io_destroy, round), -1);
  check_equal(io_setup(16, &gone), 0);
  use_again(gone);
  pass();
}

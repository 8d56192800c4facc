// Pipes: what is queued, capacity, flags, full and empty ones, and ends that are closed or in
// another task.
#include "woodfrog-test.h"

static void drain(int fd, size_t length, unsigned seed) {
  static unsigned char bytes[1 << 20];
  size_t got = 0;
  while (got < length) {
    ssize_t n = read(fd, bytes + got, length - got);
    check(n > 0);
    got += n;
  }
  check_fill(bytes, length, seed);
}

static void put(int fd, size_t length, unsigned seed) {
  static unsigned char bytes[1 << 20];
  fill(bytes, length, seed);
  check_equal(write(fd, bytes, length), length);
}

int main(int argc, char **argv) {
  setup(argc, argv);
  int data[2], empty[2], full[2], big[2], no_writer[2], no_reader[2], packets[2], family[2],
      back[2], small[2];
  check_equal(pipe(data) | pipe2(empty, O_NONBLOCK | O_CLOEXEC) | pipe2(full, O_NONBLOCK) |
                  pipe(big) | pipe(no_writer),
              0);
  check_equal(pipe(no_reader) | pipe(packets) | pipe(family) | pipe(back) | pipe(small), 0);
  signal(SIGPIPE, SIG_IGN);
  put(data[1], 5000, 1);
  for (int i = 0; i < 16; i++) put(full[1], PAGE, 2);
  check_equal(write(full[1], "x", 1), -1);
  check_equal(fcntl(big[1], F_SETPIPE_SZ, 1 << 20), 1 << 20);
  put(big[1], 900000, 3);
  check_equal(fcntl(small[1], F_SETPIPE_SZ, 4096), 4096);
  put(small[1], 4096, 9);
  put(no_writer[1], 100, 4);
  close(no_writer[1]);
  close(no_reader[0]);
  // Nonblocking at one end only.
  check_equal(fcntl(packets[0], F_SETFL, O_NONBLOCK), 0);
  pid_t child = fork();
  if (child == 0) {
    close(family[1]), close(back[0]);
    mark("child");
    char byte;
    // Inside read(2) when the checkpoint comes.
    check_equal(read(family[0], &byte, 1), 1);
    check_equal(byte, 'Q');
    check_equal(write(back[1], "A", 1), 1);
    check_equal(read(family[0], &byte, 1), 0);
    _exit(0);
  }
  close(family[0]), close(back[1]);
  // Only now can the parent's copy of data be the sole writer.
  await_mark("child");
  nap(20);

  ready();

  char byte;
  check_equal(write(family[1], "Q", 1), 1);
  check_equal(read(back[0], &byte, 1), 1);
  check_equal(byte, 'A');
  close(family[1]);
  must_exit_well(child);
  check_equal(read(back[0], &byte, 1), 0);
  drain(data[0], 5000, 1);
  check_equal(fcntl(data[0], F_GETPIPE_SZ), 65536);
  check_equal(fcntl(big[0], F_GETPIPE_SZ), 1 << 20);
  check_equal(fcntl(small[0], F_GETPIPE_SZ), 4096);
  check_equal(write(full[1], "x", 1), -1);
  check_equal(errno, EAGAIN);
  for (int i = 0; i < 16; i++) drain(full[0], PAGE, 2);
  check_equal(read(full[0], &byte, 1), -1);
  check_equal(errno, EAGAIN);
  drain(big[0], 900000, 3);
  drain(small[0], 4096, 9);
  drain(no_writer[0], 100, 4);
  check_equal(read(no_writer[0], &byte, 1), 0);
  check_equal(write(no_reader[1], "x", 1), -1);
  check_equal(errno, EPIPE);
  check_equal(read(empty[0], &byte, 1), -1);
  check_equal(errno, EAGAIN);
  check_equal(fcntl(empty[0], F_GETFD), FD_CLOEXEC);
  check_equal(fcntl(empty[1], F_GETFL) & (O_ACCMODE | O_NONBLOCK), O_WRONLY | O_NONBLOCK);
  check_equal(fcntl(packets[0], F_GETFL) & O_NONBLOCK, O_NONBLOCK);
  check_equal(fcntl(packets[1], F_GETFL) & O_NONBLOCK, 0);
  put(data[1], 60000, 5);
  drain(data[0], 60000, 5);
  close(data[1]);
  check_equal(read(data[0], &byte, 1), 0);
  pass();
}

// Pipes in packet mode (O_DIRECT): what was written at once is read at once, in any mixture with
// bytes that were written without.
#include "woodfrog-test.h"

static char bytes[1 << 16];

static void put(int fd, size_t length, unsigned seed) {
  fill(bytes, length, seed);
  check_equal(write(fd, bytes, length), length);
}

// One read(2) gives this packet, or, when `asked` is less, its beginning; the rest is gone.
static void get(int fd, size_t asked, size_t length, unsigned seed) {
  memset(bytes, 0, sizeof bytes);
  check_equal(read(fd, bytes, asked), length);
  check_fill(bytes, length, seed);
}

static void mode(int fd, int flags) { check_equal(fcntl(fd, F_SETFL, flags), 0); }

static void make(int *ends) { check_equal(pipe2(ends, O_DIRECT | O_NONBLOCK), 0); }

// Of all lengths, the last as long as there are; one byte each to the last slot; a closed writer.
static void play_packets(void) {
  int some[2], full[2], closed[2], two[2];
  make(some), make(full), make(closed), make(two);
  put(some[1], 1, 1), put(some[1], 1, 2), put(some[1], 100, 3), put(some[1], PAGE, 4);
  for (int i = 0; i < 16; i++) put(full[1], 1, i);
  check_equal(write(full[1], "x", 1), -1);
  put(closed[1], 7, 5), put(closed[1], 1, 6);
  close(closed[1]);
  // Longer than a packet can be: two.
  put(two[1], 5000, 7);
  int plain = fcntl(some[0], F_GETFL);
  ready();
  check_equal(fcntl(some[0], F_GETFL), plain);
  check_equal(fcntl(some[1], F_GETFL) & (O_DIRECT | O_NONBLOCK), O_DIRECT | O_NONBLOCK);
  get(some[0], PAGE, 1, 1), get(some[0], PAGE, 1, 2), get(some[0], 30, 30, 3);
  get(some[0], 2 * PAGE, PAGE, 4);
  check_equal(write(full[1], "x", 1), -1);
  check_equal(errno, EAGAIN);
  for (int i = 0; i < 16; i++) get(full[0], PAGE, 1, i);
  get(closed[0], PAGE, 7, 5), get(closed[0], PAGE, 1, 6);
  check_equal(read(closed[0], bytes, 1), 0);
  get(two[0], 2 * PAGE, PAGE, 7);
  check_equal(read(two[0], bytes, PAGE), 5000 - PAGE);
  put(some[1], 3, 8), put(some[1], 4, 9);
  get(some[0], PAGE, 3, 8), get(some[0], PAGE, 4, 9);
  check_equal(read(some[0], bytes, 1), -1);
}

// The writer has changed its mind now and then. Plain bytes take in what comes next, packet or not,
// as long as it fits into their page.
static void play_mixed(void) {
  int before[2], left[2], after[2], both[2], calm[2];
  make(before), make(left), make(after), make(both), make(calm);
  mode(before[1], 0);
  put(before[1], 2 * PAGE, 1);
  mode(before[1], O_DIRECT);
  put(before[1], 10, 2), put(before[1], 1, 3);
  // The end of a page that was full.
  mode(left[1], 0);
  put(left[1], PAGE, 4);
  mode(left[1], O_DIRECT);
  check_equal(read(left[0], bytes, PAGE - 96), PAGE - 96);
  put(left[1], 10, 5), put(left[1], 20, 6);
  put(after[1], 10, 7);
  mode(after[1], 0);
  put(after[1], 1, 8);
  put(both[1], 2, 9);
  mode(both[1], 0);
  put(both[1], 100, 10);
  mode(both[1], O_DIRECT);
  put(both[1], 4090, 11);
  mode(both[1], 0);
  put(both[1], 300, 12);
  // Nothing but the mode.
  put(calm[1], 1, 13), get(calm[0], 1, 1, 13);
  mode(calm[1], 0);
  put(calm[1], 9000, 14);
  mode(calm[1], O_DIRECT);
  ready();
  // A read goes on through plain bytes to the end of the first packet.
  check_equal(read(before[0], bytes, sizeof bytes), 2 * PAGE + 10);
  check_fill(bytes, 2 * PAGE, 1);
  check_fill(bytes + 2 * PAGE, 10, 2);
  get(before[0], PAGE, 1, 3);
  check_equal(read(left[0], bytes, sizeof bytes), 106);
  check_fill(bytes + 96, 10, 5);
  get(left[0], PAGE, 20, 6);
  get(after[0], PAGE, 10, 7);
  check_equal(write(after[1], "more", 4), 4);
  check_equal(read(after[0], bytes, sizeof bytes), 5);
  get(both[0], PAGE, 2, 9);
  check_equal(read(both[0], bytes, sizeof bytes), 4190);
  check_fill(bytes, 100, 10);
  check_fill(bytes + 100, 4090, 11);
  get(both[0], PAGE, 300, 12);
  get(calm[0], 9000, 9000, 14);
  check_equal(fcntl(calm[1], F_GETFL) & O_DIRECT, O_DIRECT);
}

// A FIFO, and a second description of a pipe's end.
static void play_opened(void) {
  int ends[2];
  make(ends);
  check_equal(mkfifo("fifo", 0600), 0);
  int fifo = open("fifo", O_RDWR), again;
  mode(fifo, O_DIRECT);
  put(fifo, 3, 1), put(fifo, 5, 2);
  char path[64];
  snprintf(path, sizeof path, "/proc/self/fd/%d", ends[1]);
  again = open(path, O_WRONLY);
  mode(again, O_DIRECT);
  mode(ends[1], 0);
  put(again, 6, 3), put(again, 7, 4);
  ready();
  get(fifo, PAGE, 3, 1), get(fifo, PAGE, 5, 2);
  get(ends[0], PAGE, 6, 3), get(ends[0], PAGE, 7, 4);
  check_equal(fcntl(fifo, F_GETFL) & O_DIRECT, O_DIRECT);
  check_equal(fcntl(again, F_GETFL) & O_DIRECT, O_DIRECT);
  check_equal(fcntl(ends[1], F_GETFL) & O_DIRECT, 0);
  put(again, 1, 5), put(again, 1, 6);
  get(ends[0], PAGE, 1, 5), get(ends[0], PAGE, 1, 6);
}

int main(int argc, char **argv) {
  setup(argc, argv);
  play((struct test_case[]){
      {"packets", play_packets}, {"mixed", play_mixed}, {"opened", play_opened}, {0}});
}

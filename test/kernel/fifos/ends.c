// FIFOs with nobody at the other end, and deleted ones.
#include <poll.h>

#include "woodfrog-test.h"

static int events_of(int fd) {
  struct pollfd seen = {fd, POLLIN | POLLOUT, 0};
  check(poll(&seen, 1, 0) >= 0);
  return seen.revents;
}

static void make(const char *name) { check_equal(mkfifo(name, 0600), 0); }

// The reader has gone: what is queued waits for the next one, and is refilled into nothing else.
static void play_writer(void) {
  signal(SIGPIPE, SIG_IGN);
  make("queued"), make("empty");
  int reader = open("queued", O_RDONLY | O_NONBLOCK), writer = open("queued", O_WRONLY);
  check_equal(write(writer, "queued", 6), 6);
  close(reader);
  reader = open("empty", O_RDONLY | O_NONBLOCK);
  int alone = open("empty", O_WRONLY | O_NONBLOCK);
  close(reader);
  ready();
  check_equal(write(writer, "x", 1), -1);
  check_equal(errno, EPIPE);
  check(events_of(writer) & POLLERR);
  check_equal(write(alone, "x", 1), -1);
  check_equal(errno, EPIPE);
  check_equal(fcntl(alone, F_GETFL) & O_NONBLOCK, O_NONBLOCK);
  reader = open("queued", O_RDONLY | O_NONBLOCK);
  char text[16] = {0};
  check_equal(read(reader, text, 15), 6);
  check_text(text, "queued");
  check_equal(write(writer, "more", 4), 4);
  check_equal(read(reader, text, 15), 4);
}

// Waits for its first writer.
static void play_reader(void) {
  make("lonely");
  int reader = open("lonely", O_RDONLY | O_NONBLOCK);
  char byte;
  ready();
  check_equal(events_of(reader), 0);
  check_equal(read(reader, &byte, 1), 0);
  int writer = open("lonely", O_WRONLY | O_NONBLOCK);
  check(writer >= 0);
  check_equal(write(writer, "x", 1), 1);
  check_equal(read(reader, &byte, 1), 1);
}

// Two tasks at the two ends of a FIFO that has no name any more, and one that has it read-write.
static void play_deleted(void) {
  make("gone"), make("both");
  int reader = open("gone", O_RDONLY | O_NONBLOCK), writer = open("gone", O_WRONLY);
  int both = open("both", O_RDWR);
  check_equal(fcntl(writer, F_SETPIPE_SZ, 1 << 17), 1 << 17);
  check_equal(unlink("gone") | unlink("both"), 0);
  check_equal(write(writer, "queued", 6), 6);
  check_equal(write(both, "own", 3), 3);
  pid_t child = fork();
  if (child == 0) {
    close(writer);
    wait_release();
    char text[16] = {0};
    check_equal(fcntl(reader, F_SETFL, 0), 0);
    check_equal(read(reader, text, 15), 6);
    check_text(text, "queued");
    mark("read");
    check_equal(read(reader, text, 15), 4);
    check_equal(read(reader, text, 15), 0);
    _exit(0);
  }
  close(reader);
  ready();
  await_mark("read");
  check_equal(fcntl(writer, F_GETPIPE_SZ), 1 << 17);
  check_equal(write(writer, "more", 4), 4);
  close(writer);
  must_exit_well(child);
  char text[16] = {0};
  check_equal(read(both, text, 15), 3);
  check_text(text, "own");
  struct stat st;
  check_equal(stat("gone", &st), -1);
  check_equal(fstat(both, &st), 0);
  check_equal(st.st_nlink, 0);
}

// A task that waits in open(2) for somebody at the other end, before and after.
static void play_waiting(void) {
  make("to-reader"), make("to-writer");
  pid_t child = fork();
  if (child == 0) {
    mark("child");
    int writer = open("to-reader", O_WRONLY);
    check_equal(write(writer, "hello", 5), 5);
    int reader = open("to-writer", O_RDONLY);
    char text[16] = {0};
    check_equal(read(reader, text, 15), 6);
    _exit(0);
  }
  await_mark("child");
  nap(20);
  ready();
  int reader = open("to-reader", O_RDONLY);
  char text[16] = {0};
  check_equal(read(reader, text, 15), 5);
  check_text(text, "hello");
  int writer = open("to-writer", O_WRONLY);
  check_equal(write(writer, "answer", 6), 6);
  must_exit_well(child);
}

int main(int argc, char **argv) {
  setup(argc, argv);
  play((struct test_case[]){{"writer", play_writer},
                            {"reader", play_reader},
                            {"deleted", play_deleted},
                            {"waiting", play_waiting},
                            {0}});
}

// FIFOs: queued data, read-write descriptions, ones without a writer, and two tasks at the two
// ends.
#include "woodfrog-test.h"

int main(int argc, char **argv) {
  setup(argc, argv);
  const char *names[] = {"data", "both", "no-writer", "family", "was"};
  for (int i = 0; i < 5; i++) check_equal(mkfifo(names[i], 0600), 0);
  int reader = open("data", O_RDONLY | O_NONBLOCK), writer = open("data", O_WRONLY);
  int both = open("both", O_RDWR), lonely = open("no-writer", O_RDONLY | O_NONBLOCK);
  int was_reader = open("was", O_RDONLY | O_NONBLOCK), was_writer = open("was", O_WRONLY);
  check_equal(write(was_writer, "left", 4), 4);
  close(was_writer);
  check_equal(write(writer, "queued in a fifo", 16), 16);
  check_equal(write(both, "one's own words", 15), 15);
  check_equal(fcntl(both, F_SETPIPE_SZ, 131072), 131072);
  check_equal(fcntl(reader, F_SETFL, 0), 0);
  pid_t child = fork();
  if (child == 0) {
    char byte;
    close(reader), close(writer), close(both);
    int in = open("family", O_RDONLY);
    mark("child");
    check_equal(read(in, &byte, 1), 1);
    check_equal(byte, 'F');
    check_equal(read(in, &byte, 1), 0);
    _exit(0);
  }
  int out = open("family", O_WRONLY);
  await_mark("child");

  ready();

  char text[64] = {0};
  check_equal(fcntl(reader, F_GETFL) & O_NONBLOCK, 0);
  check_equal(read(reader, text, 63), 16);
  check_text(text, "queued in a fifo");
  check_equal(write(writer, "more", 4), 4);
  check_equal(read(reader, text, 63), 4);
  close(writer);
  check_equal(read(reader, text, 63), 0);
  memset(text, 0, sizeof text);
  check_equal(read(both, text, 63), 15);
  check_text(text, "one's own words");
  check_equal(fcntl(both, F_GETPIPE_SZ), 131072);
  check_equal(read(lonely, text, 1), 0);
  memset(text, 0, sizeof text);
  check_equal(read(was_reader, text, 63), 4);
  check_text(text, "left");
  check_equal(read(was_reader, text, 63), 0);
  int late = open("no-writer", O_WRONLY | O_NONBLOCK);
  check(late >= 0);
  check_equal(write(late, "now", 3), 3);
  check_equal(read(lonely, text, 63), 3);
  check_equal(write(out, "F", 1), 1);
  close(out);
  must_exit_well(child);
  pass();
}

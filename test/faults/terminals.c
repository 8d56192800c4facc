// Two ptys with bytes that nobody has read, in both directions: one raw, one with lines. While there is
// a file "look", all of it is read, compared and written anew. Beats meanwhile, so that it is seen to run.
#include "../kernel/terminals/terminals.h"

enum { SLOTS = 2 };
static volatile uint64_t *beats;
static char in[3500], out[3400];

struct pair {
  int master, slave;
};

static struct pair open_pair(void) {
  struct pair pair;
  pair.master = open_master_flags(O_RDWR | O_NONBLOCK);
  pair.slave = open_slave(pair.master, O_RDWR | O_NONBLOCK);
  return pair;
}

static void wait_queued(int fd, int least) {
  for (int i = 0; queued(fd) < least; i++) {
    if (i > 4000) fail("%d bytes are queued, not %d", queued(fd), least);
    nap(5);
  }
}

static void fill_raw(struct pair raw) {
  check_equal(write(raw.master, in, sizeof in), sizeof in);
  check_equal(write(raw.slave, out, sizeof out), sizeof out);
  wait_queued(raw.slave, sizeof in);
  wait_queued(raw.master, sizeof out);
}

static void must_have(int fd, const char *wanted, size_t length, const char *what) {
  static char buffer[8192];
  size_t done = 0;
  for (int i = 0; done < length; i++) {
    ssize_t count = read(fd, buffer + done, sizeof buffer - done);
    if (count < 0 && errno == EAGAIN) {
      if (i > 4000) fail("%s: %zu bytes of %zu could be read", what, done, length);
      nap(5);
      continue;
    }
    if (count <= 0) fail("%s: read says %zd, errno %d", what, count, errno);
    done += (size_t)count;
  }
  if (done != length) fail("%s: %zu bytes could be read, not %zu", what, done, length);
  if (memcmp(buffer, wanted, length) != 0) fail("%s: other bytes", what);
  nap(20);
  char more;
  check_equal(read(fd, &more, 1), -1);
  check_equal(errno, EAGAIN);
}

#define TYPED "one\rtwo\nthr"
#define ECHOED "one\r\ntwo\r\nthr"
#define SAID "said"

static void fill_lines(struct pair lines) {
  check_equal(write(lines.master, TYPED, strlen(TYPED)), strlen(TYPED));
  wait_queued(lines.master, (int)strlen(ECHOED));
  check_equal(write(lines.slave, SAID, strlen(SAID)), strlen(SAID));
  wait_queued(lines.master, (int)strlen(ECHOED SAID));
}

static void must_have_line(struct pair lines, const char *wanted) {
  char line[64] = {0};
  for (int i = 0; read(lines.slave, line, sizeof line - 1) < 0; i++) {
    if (errno != EAGAIN || i > 4000) fail("no line '%s'", wanted);
    nap(5);
  }
  check_text(line, wanted);
}

static void look(struct pair raw, struct pair lines) {
  must_have(raw.slave, in, sizeof in, "raw input");
  must_have(raw.master, out, sizeof out, "raw output");
  must_have(lines.master, ECHOED SAID, strlen(ECHOED SAID), "shown");
  must_have_line(lines, "one\n");
  must_have_line(lines, "two\n");
  char byte;
  check_equal(read(lines.slave, &byte, 1), -1);
  check_equal(errno, EAGAIN);
  check_equal(write(lines.master, "ee\n", 3), 3);
  must_have_line(lines, "three\n");
  must_have(lines.master, "ee\r\n", 4, "shown later");
}

int main(int argc, char **argv) {
  setup(argc, argv);
  int fd = open("beats", O_CREAT | O_RDWR, 0600);
  check_equal(ftruncate(fd, PAGE), 0);
  beats = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  close(fd);
  fill(in, sizeof in, 3);
  fill(out, sizeof out, 4);
  struct pair raw = open_pair(), lines = open_pair();
  make_raw(raw.slave);
  fill_raw(raw);
  fill_lines(lines);
  pid_t child = fork();
  char asked[4096];
  mark_path(asked, "look");
  int slot = child == 0;
  for (int turn = 0; !released(); turn++, nap(1)) {
    beats[slot]++;
    if (slot == 1 || (turn > 0 && access(asked, F_OK) != 0)) continue;
    if (turn == 0) {
      while (beats[1] == 0) nap(1);
      say("READY\n");
      continue;
    }
    look(raw, lines);
    fill_raw(raw);
    fill_lines(lines);
    unlink(asked);
  }
  if (child == 0) _exit(0);
  must_exit_well(child);
  look(raw, lines);
  pass();
}

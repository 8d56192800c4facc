// Both sides of a pty in one process, or two: what it is set to, who has it open and how, what waits in it.
#include "terminals.h"
#include <poll.h>

#define SLAVE_LOCK _IOW('T', 0x31, int)

static void check_alike(const struct termios *a, const struct termios *b) {
  check_equal(a->c_iflag, b->c_iflag);
  check_equal(a->c_oflag, b->c_oflag);
  check_equal(a->c_cflag, b->c_cflag);
  check_equal(a->c_lflag, b->c_lflag);
  check_equal(memcmp(a->c_cc, b->c_cc, NCCS), 0);
}

static void settings(void) {
  int master = open_master_flags(O_RDWR | O_NONBLOCK);
  int slave = open_slave(master, O_RDWR);
  int reading = open_slave(master, O_RDONLY | O_NONBLOCK);
  int peer = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY);
  check(peer >= 0);
  int twin = dup(slave);
  struct termios set, found;
  check_equal(tcgetattr(slave, &set), 0);
  set.c_iflag = BRKINT | IXOFF | IUTF8;
  set.c_oflag = OPOST | ONLCR | TAB3;
  set.c_cflag = (set.c_cflag & ~(tcflag_t)CBAUD) | B19200;
  set.c_lflag = ISIG | ECHOK | NOFLSH;
  for (int i = 0; i < 17; i++) set.c_cc[i] = (cc_t)(0x41 + i);
  check_equal(tcsetattr(slave, TCSANOW, &set), 0);
  check_equal(tcgetattr(slave, &set), 0);
  struct winsize size = {33, 101, 1440, 800}, seen;
  check_equal(ioctl(slave, TIOCSWINSZ, &size), 0);
  struct termios locked = {.c_lflag = ECHO | TOSTOP};
  check_equal(ioctl(slave, TIOCSLCKTRMIOS, &locked), 0);
  check_equal(ioctl(slave, TIOCEXCL), 0);
  int on = 1, is_on = 0, index = index_of(master);
  check_equal(ioctl(master, TIOCPKT, &on), 0);
  check_equal(ioctl(master, SLAVE_LOCK, &on), 0);

  ready();

  check_equal(index_of(master), index);
  check_equal(tcgetattr(slave, &found), 0);
  check_alike(&found, &set);
  check_equal(tcgetattr(master, &found), 0);
  check_alike(&found, &set);
  check_equal(ioctl(twin, TIOCGWINSZ, &seen), 0);
  check_equal(memcmp(&seen, &size, sizeof seen), 0);
  struct termios locked_found = {0};
  check_equal(ioctl(master, TIOCGLCKTRMIOS, &locked_found), 0);
  check_equal(locked_found.c_lflag, locked.c_lflag);
  check_equal(locked_found.c_iflag, 0);
  check_equal(ioctl(slave, TIOCGEXCL, &is_on), 0);
  check_equal(is_on, 1);
  is_on = 0;
  check_equal(ioctl(master, TIOCGEXCL, &is_on), 0);
  check_equal(is_on, 0);
  check_equal(ioctl(master, TIOCGPKT, &is_on), 0);
  check_equal(is_on, 1);
  check_equal(ioctl(master, TIOCGPTLCK, &is_on), 0);
  check_equal(is_on, 1);
  check_equal(fcntl(master, F_GETFL) & (O_ACCMODE | O_NONBLOCK), O_RDWR | O_NONBLOCK);
  check_equal(fcntl(slave, F_GETFL) & (O_ACCMODE | O_NONBLOCK), O_RDWR);
  check_equal(fcntl(reading, F_GETFL) & (O_ACCMODE | O_NONBLOCK), O_RDONLY | O_NONBLOCK);
  check_equal(fcntl(slave, F_SETFL, O_NONBLOCK), 0);
  check_equal(fcntl(twin, F_GETFL) & O_NONBLOCK, O_NONBLOCK);
  check_equal(fcntl(peer, F_GETFL) & O_NONBLOCK, 0);
  // It still carries bytes both ways; in packet mode behind a zero.
  struct pollfd readable = {.fd = master, .events = POLLIN};
  check_equal(write(peer, "out", 3), 3);
  check_equal(poll(&readable, 1, 10000), 1);
  must_read(master, "\0out", 4);
  check_equal(write(master, "in", 2), 2);
  readable.fd = reading;
  check_equal(poll(&readable, 1, 10000), 1);
  must_read(reading, "in", 2);
}

static void masters(void) {
  int master = open_master();
  struct winsize size = {10, 20, 0, 0}, seen;
  check_equal(ioctl(master, TIOCSWINSZ, &size), 0);
  char path[64];
  snprintf(path, sizeof path, "%s", ptsname(master));

  ready();

  check_text(ptsname(master), path);
  int slave = open_slave(master, O_RDWR);
  check_equal(ioctl(slave, TIOCGWINSZ, &seen), 0);
  check_equal(memcmp(&seen, &size, sizeof seen), 0);
  check_equal(write(slave, "x", 1), 1);
  must_read(master, "x", 1);
}

static void hung_up(void) {
  int master = open_master();
  int slave = open_slave(master, O_RDWR);
  int other = open_slave(master, O_WRONLY | O_NONBLOCK);
  close(master);

  ready();

  char byte;
  check_equal(read(slave, &byte, 1), 0);
  check_equal(write(slave, "x", 1), -1);
  check_equal(errno, EIO);
  check_equal(write(other, "x", 1), -1);
  check_equal(errno, EIO);
  struct termios settings;
  check_equal(tcgetattr(slave, &settings), -1);
  check_equal(errno, EIO);
  struct pollfd hung = {.fd = slave, .events = POLLIN};
  check_equal(poll(&hung, 1, 0), 1);
  check((hung.revents & POLLHUP) != 0);
}

// The master dies with its process, after the restore: the slave learns of it.
static void master_of_another(void) {
  int master = open_master();
  int slave = open_slave(master, O_RDWR);
  make_raw(slave);
  pid_t child = fork();
  check(child >= 0);
  if (child == 0) {
    close(slave);
    mark("child");
    wait_release();
    must_read(master, "hello", 5);
    check_equal(write(master, "world", 5), 5);
    char byte;
    check_equal(read(master, &byte, 1), 1);
    _exit(0);
  }
  await_mark("child");
  close(master);

  ready();

  check_equal(write(slave, "hello", 5), 5);
  must_read(slave, "world", 5);
  check_equal(write(slave, ".", 1), 1);
  must_exit_well(child);
  char byte;
  check_equal(read(slave, &byte, 1), 0);
}

// The test sets the second console anew between dump and restore.
static void devices(void) {
  int console = open("/dev/tty2", O_RDWR | O_NOCTTY | O_NONBLOCK);
  if (console < 0) skip("there is no /dev/tty2");
  struct winsize size, seen;
  check_equal(ioctl(console, TIOCGWINSZ, &size), 0);
  struct termios before, set, found;
  check_equal(tcgetattr(console, &before), 0);
  set = before;
  set.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
  set.c_cc[VEOL2] = 7;
  check_equal(tcsetattr(console, TCSANOW, &set), 0);
  check_equal(ioctl(console, TIOCEXCL), 0);
  int system = open("/dev/console", O_WRONLY | O_NOCTTY | O_NONBLOCK);
  check(system >= 0);

  ready();

  check_equal(ioctl(console, TIOCGWINSZ, &seen), 0);
  check_equal(memcmp(&seen, &size, sizeof seen), 0);
  check_equal(tcgetattr(console, &found), 0);
  check_alike(&found, &set);
  int is_on = 0;
  check_equal(ioctl(console, TIOCGEXCL, &is_on), 0);
  check_equal(is_on, 1);
  check_equal(tcsetattr(console, TCSANOW, &before), 0);
  check_equal(fcntl(console, F_GETFL) & (O_ACCMODE | O_NONBLOCK), O_RDWR | O_NONBLOCK);
  check_equal(fcntl(system, F_GETFL) & O_ACCMODE, O_WRONLY);
}

static void serial(void) {
  int line = open("/dev/ttyS0", O_RDWR | O_NOCTTY | O_NONBLOCK);
  struct termios before, found;
  // A line without hardware answers nothing.
  if (line < 0 || tcgetattr(line, &before) != 0) skip("there is no serial line");

  ready();

  check_equal(tcgetattr(line, &found), 0);
  check_alike(&found, &before);
  check_equal(fcntl(line, F_GETFL) & (O_ACCMODE | O_NONBLOCK), O_RDWR | O_NONBLOCK);
}

static void wait_queued(int fd, int count) {
  for (int i = 0; queued(fd) != count; i++) {
    if (i > 2000) fail("%d bytes are queued, not %d", queued(fd), count);
    nap(5);
  }
}

// Raw: what is written to either side waits, in order, whatever bytes it has.
static void queues(void) {
  int master = open_master();
  int slave = open_slave(master, O_RDWR);
  make_raw(slave);
  static char in[3000], out[2000];
  fill(in, sizeof in, 1);
  fill(out, sizeof out, 2);
  check_equal(write(master, in, sizeof in), sizeof in);
  check_equal(write(slave, out, sizeof out), sizeof out);
  wait_queued(slave, sizeof in);
  wait_queued(master, sizeof out);

  ready();

  must_read(slave, in, sizeof in);
  must_read(master, out, sizeof out);
  check_equal(queued(slave), 0);
  check_equal(queued(master), 0);
}

// All that the kernel takes: more than a line discipline holds.
static void full_queues(void) {
  int master = open_master_flags(O_RDWR | O_NONBLOCK);
  int slave = open_slave(master, O_RDWR | O_NONBLOCK);
  make_raw(slave);
  static char in[65536], out[65536];
  fill(in, sizeof in, 3);
  fill(out, sizeof out, 4);
  size_t in_length = 0, out_length = 0;
  ssize_t count;
  while ((count = write(master, in + in_length, 100)) > 0) in_length += (size_t)count;
  while ((count = write(slave, out + out_length, 100)) > 0) out_length += (size_t)count;
  // The kernel moves the first of it on, and takes a little more.
  nap(50);
  while ((count = write(master, in + in_length, 100)) > 0) in_length += (size_t)count;
  while ((count = write(slave, out + out_length, 100)) > 0) out_length += (size_t)count;
  check(in_length > 4096 && out_length > 4096);

  ready();

  check_equal(fcntl(master, F_SETFL, 0), 0);
  check_equal(fcntl(slave, F_SETFL, 0), 0);
  must_read(slave, in, in_length);
  must_read(master, out, out_length);
}

// Lines, one of them not complete, and the echo of both; Ctrl-C among the characters is none.
static void lines(void) {
  int master = open_master();
  int slave = open_slave(master, O_RDWR);
  struct termios settings;
  check_equal(tcgetattr(slave, &settings), 0);
  check_equal(write(master, "one\rtwo\n\026\003lit\nthr", 17), 17);
  check_equal(write(slave, "out\n", 4), 4);
  wait_queued(slave, 13);
  int shown = 0;
  for (int i = 0; i < 100 && (shown == 0 || queued(master) != shown); i++) {
    shown = queued(master);
    nap(10);
  }

  ready();

  check_equal(queued(master), shown);
  char line[64];
  check_equal(read(slave, line, sizeof line), 4);
  check_equal(memcmp(line, "one\n", 4), 0);
  check_equal(read(slave, line, sizeof line), 4);
  check_equal(memcmp(line, "two\n", 4), 0);
  check_equal(read(slave, line, sizeof line), 5);
  check_equal(memcmp(line, "\003lit\n", 5), 0);
  check_equal(queued(slave), 0);
  // The line goes on: an erased character is replaced.
  check_equal(write(master, "\177ree\n", 5), 5);
  check_equal(read(slave, line, sizeof line), 6);
  check_equal(memcmp(line, "three\n", 6), 0);
}

// Input in packet mode, of a locked terminal with locked settings, for reading alone.
static void locked_queues(void) {
  int master = open_master();
  int slave = open_slave(master, O_RDWR);
  int reading = open_slave(master, O_RDONLY);
  make_raw(slave);
  check_equal(write(slave, "out", 3), 3);
  check_equal(write(master, "in", 2), 2);
  wait_queued(reading, 2);
  struct termios locked = {.c_lflag = ICANON | ECHO};
  check_equal(ioctl(slave, TIOCSLCKTRMIOS, &locked), 0);
  int on = 1;
  check_equal(ioctl(master, TIOCPKT, &on), 0);
  check_equal(ioctl(master, SLAVE_LOCK, &on), 0);

  ready();

  must_read(master, "\0out", 4);
  must_read(reading, "in", 2);
  struct termios found;
  check_equal(tcgetattr(slave, &found), 0);
  check_equal(found.c_lflag & (ICANON | ECHO), 0);
}

// What a program has said before it ended.
static void last_words(void) {
  int master = open_master();
  int slave = open_slave(master, O_RDWR);
  check_equal(write(slave, "bye\n", 4), 4);
  wait_queued(master, 5);
  close(slave);

  ready();

  must_read(master, "bye\r\n", 5);
  char byte;
  check_equal(read(master, &byte, 1), -1);
  check_equal(errno, EIO);
}

// Ctrl-S stops the output, and Ctrl-Q starts it again.
static void stopped(void) {
  int master = open_master();
  int slave = open_slave(master, O_RDWR | O_NONBLOCK);
  struct termios settings;
  check_equal(tcgetattr(slave, &settings), 0);
  settings.c_lflag &= ~(tcflag_t)ECHO;
  check_equal(tcsetattr(slave, TCSANOW, &settings), 0);
  check_equal(write(slave, "before", 6), 6);
  wait_queued(master, 6);
  check_equal(write(master, "\023", 1), 1);
  struct pollfd writable = {.fd = slave, .events = POLLOUT};
  for (int i = 0; poll(&writable, 1, 0) != 0; i++) {
    if (i > 2000) fail("the output is not stopped");
    nap(5);
  }

  ready();

  must_read(master, "before", 6);
  check_equal(write(slave, "x", 1), -1);
  check_equal(errno, EAGAIN);
  check_equal(write(master, "\021", 1), 1);
  check_equal(poll(&writable, 1, 10000), 1);
  check_equal(write(slave, "after", 5), 5);
  must_read(master, "after", 5);
}

int main(int argc, char **argv) {
  setup(argc, argv);
  play((const struct test_case[]){
      {"settings", settings},
      {"masters", masters},
      {"hung-up", hung_up},
      {"master-of-another", master_of_another},
      {"devices", devices},
      {"serial", serial},
      {"queues", queues},
      {"full-queues", full_queues},
      {"lines", lines},
      {"locked-queues", locked_queues},
      {"last-words", last_words},
      {"stopped", stopped},
      {0},
  });
}

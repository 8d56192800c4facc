// Both sides of a pty in one process: what it is set to, who has it open and how.
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
    wait_release();
    must_read(master, "hello", 5);
    check_equal(write(master, "world", 5), 5);
    char byte;
    check_equal(read(master, &byte, 1), 1);
    _exit(0);
  }
  close(master);

  ready();

  check_equal(write(slave, "hello", 5), 5);
  must_read(slave, "world", 5);
  check_equal(write(slave, ".", 1), 1);
  must_exit_well(child);
  char byte;
  check_equal(read(slave, &byte, 1), 0);
}

static void devices(void) {
  int console = open("/dev/tty0", O_RDWR | O_NOCTTY | O_NONBLOCK);
  if (console < 0) skip("there is no /dev/tty0");
  struct winsize size, seen;
  check_equal(ioctl(console, TIOCGWINSZ, &size), 0);
  int system = open("/dev/console", O_WRONLY | O_NOCTTY | O_NONBLOCK);
  check(system >= 0);

  ready();

  check_equal(ioctl(console, TIOCGWINSZ, &seen), 0);
  check_equal(memcmp(&seen, &size, sizeof seen), 0);
  check_equal(fcntl(system, F_GETFL) & O_ACCMODE, O_WRONLY);
}

int main(int argc, char **argv) {
  setup(argc, argv);
  play((const struct test_case[]){
      {"settings", settings},
      {"masters", masters},
      {"hung-up", hung_up},
      {"master-of-another", master_of_another},
      {"devices", devices},
      {0},
  });
}

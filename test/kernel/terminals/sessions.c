// A session with its controlling terminal, whose master is in the tree: leader, groups in the foreground and behind it.
#include "terminals.h"

static int master;

// What a member of the session finds, wherever it is.
static void check_session(pid_t leader, pid_t foreground) {
  int own = open("/dev/tty", O_RDWR);
  check(own >= 0);
  check_equal(tcgetsid(own), leader);
  check_equal(tcgetpgrp(own), foreground);
  close(own);
}

static void member(pid_t leader, pid_t group, pid_t foreground, int takes) {
  check_equal(setpgid(0, group), 0);
  if (takes) {
    sigset_t ttou;
    sigemptyset(&ttou);
    sigaddset(&ttou, SIGTTOU);
    check_equal(sigprocmask(SIG_BLOCK, &ttou, NULL), 0);
    check_equal(tcsetpgrp(0, getpid()), 0);
  }
  char name[32];
  snprintf(name, sizeof name, "set-%d", getpid());
  mark(name);
  wait_release();
  check_equal(getsid(0), leader);
  check_session(leader, foreground > 0 ? foreground : getpid());
  _exit(0);
}

static pid_t start_member(pid_t group, pid_t foreground, int takes) {
  pid_t leader = getpid();
  pid_t child = fork();
  check(child >= 0);
  if (child == 0) member(leader, group, foreground, takes);
  char name[32];
  snprintf(name, sizeof name, "set-%d", child);
  await_mark(name);
  return child;
}

static void lead(void) {
  check_equal(setsid(), getpid());
  int slave = open(ptsname(master), O_RDWR);
  check(slave >= 0);
  check_equal(tcgetsid(slave), getpid());
  close(master);
  dup2(slave, 0);
  if (slave != 0) close(slave);
  int current = open("/dev/tty", O_RDWR | O_NONBLOCK);
  check(current >= 0);
  pid_t front = start_member(0, 0, 1);
  pid_t beside = start_member(front, front, 0);
  pid_t behind = start_member(0, front, 0);
  mark("led");
  wait_release();
  check_session(getpid(), front);
  check_equal(tcgetpgrp(0), front);
  check_equal(tcgetpgrp(current), front);
  check_equal(fcntl(current, F_GETFL) & O_NONBLOCK, O_NONBLOCK);
  must_exit_well(front);
  must_exit_well(beside);
  must_exit_well(behind);
  // Who is behind is stopped for reading: ignored, it is told EIO.
  signal(SIGTTIN, SIG_IGN);
  char byte;
  check_equal(read(0, &byte, 1), -1);
  check_equal(errno, EIO);
  signal(SIGTTOU, SIG_IGN);
  check_equal(tcsetpgrp(0, getpid()), 0);
  // Ctrl-C reaches it.
  sigset_t intr;
  sigemptyset(&intr);
  sigaddset(&intr, SIGINT);
  check_equal(sigprocmask(SIG_BLOCK, &intr, NULL), 0);
  mark("front");
  int number;
  check_equal(sigwait(&intr, &number), 0);
  check_equal(number, SIGINT);
  _exit(0);
}

int main(int argc, char **argv) {
  setup(argc, argv);
  master = open_master();
  pid_t leader = fork();
  check(leader >= 0);
  if (leader == 0) lead();
  await_mark("led");

  ready();

  check_equal(tcgetsid(master), leader);
  await_mark("front");
  check_equal(tcgetpgrp(master), leader);
  check_equal(write(master, "\003", 1), 1);
  must_exit_well(leader);
  pass();
}

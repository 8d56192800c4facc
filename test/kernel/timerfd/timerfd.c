// timerfds: every clock, relative, absolute and periodic, expirations that nobody has read, and ones that are at rest.
#include <poll.h>
#include <sys/timerfd.h>
#include <sys/timex.h>

#include "woodfrog-test.h"

#define MS 1000000ll
#define SECOND 1000000000ll

static long long in_ns(struct timespec at) { return at.tv_sec * SECOND + at.tv_nsec; }
static struct timespec as_time(long long ns) {
  return (struct timespec){ns / SECOND, ns % SECOND};
}

static long long now(int clock) {
  struct timespec time;
  check_equal(clock_gettime(clock, &time), 0);
  return in_ns(time);
}

static void set(int fd, int flags, long long value, long long interval) {
  struct itimerspec time = {as_time(interval), as_time(value)};
  check_equal(timerfd_settime(fd, flags, &time, NULL), 0);
}

static int started(int clock, int flags, long long value, long long interval) {
  int fd = timerfd_create(clock, TFD_NONBLOCK);
  check(fd >= 0);
  set(fd, flags, value, interval);
  return fd;
}

static long long left(int fd) {
  struct itimerspec time;
  check_equal(timerfd_gettime(fd, &time), 0);
  return in_ns(time.it_value);
}

// An absolute timer has left what its clock has to go, at a moment between two looks at the clock, or a little more: a
// checkpoint does not see both at once.
static void check_goal(int fd, int clock, long long goal) {
  long long before = now(clock), found = left(fd), after = now(clock);
  if (found > goal - before + 200 * MS || found < goal - after) fail("%lld ns left, not %lld", found, goal - before);
}

static uint64_t expirations(int fd) {
  uint64_t count = 0;
  if (read(fd, &count, 8) == 8) return count;
  check_equal(errno, EAGAIN);
  return 0;
}

static void check_line(int fd, const char *name, const char *wanted) {
  char path[64];
  snprintf(path, sizeof path, "/proc/self/fdinfo/%d", fd);
  check_text(proc_line(path, name), wanted);
}

// clock_gettime(2) knows the clocks of alarms only where there is a real-time clock to wake from.
static int plain(int clock) {
  return clock == CLOCK_REALTIME_ALARM   ? CLOCK_REALTIME
         : clock == CLOCK_BOOTTIME_ALARM ? CLOCK_BOOTTIME
                                         : clock;
}

#define CLOCKS 5
static const int clocks[CLOCKS] = {CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_BOOTTIME,
                                   CLOCK_REALTIME_ALARM, CLOCK_BOOTTIME_ALARM};

static void try_clocks(int from, int to) {
  int relative[CLOCKS], absolute[CLOCKS];
  long long goal[CLOCKS];
  for (int i = from; i < to; i++) {
    relative[i] = started(clocks[i], 0, 1000 * SECOND, 7 * SECOND);
    goal[i] = now(plain(clocks[i])) + 2000 * SECOND;
    absolute[i] = started(clocks[i], TFD_TIMER_ABSTIME, goal[i], 0);
  }
  ready();

  for (int i = from; i < to; i++) {
    struct itimerspec time;
    check_equal(timerfd_gettime(relative[i], &time), 0);
    check_equal(in_ns(time.it_interval), 7 * SECOND);
    check(in_ns(time.it_value) <= 1000 * SECOND && in_ns(time.it_value) > 900 * SECOND);
    check_goal(absolute[i], plain(clocks[i]), goal[i]);
    check_line(absolute[i], "settime flags:", "01");
    check_line(relative[i], "settime flags:", "00");
    check_equal(expirations(absolute[i]), 0);
  }
}

static void play_clocks(void) { try_clocks(0, 3); }

static void play_alarms(void) { try_clocks(3, CLOCKS); }

static void play_expired(void) {
  long long start = now(CLOCK_MONOTONIC);
  int once = started(CLOCK_MONOTONIC, 0, MS, 0), idle = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
  // 50 periods pass unseen by anybody before it is looked at.
  int periodic = started(CLOCK_MONOTONIC, 0, 10 * MS, 10 * MS);
  int dense = started(CLOCK_MONOTONIC, 0, 1, 1);
  int stopped = started(CLOCK_REALTIME, 0, SECOND, SECOND);
  set(stopped, 0, 0, 0);
  int read_once = started(CLOCK_MONOTONIC, 0, 1, 0);
  nap(500);
  check_equal(expirations(read_once), 1);

  ready();

  check_equal(expirations(once), 1);
  check_equal(expirations(once), 0);
  check_equal(left(once), 0);
  uint64_t count = expirations(periodic), most = (now(CLOCK_MONOTONIC) - start) / (10 * MS);
  if (count < 50 || count > most) fail("%ju expirations, not 50 to %ju", count, most);
  // It was slow by no more than what the checkpoint took, and goes on.
  check(left(periodic) <= 10 * MS);
  nap(30);
  check(expirations(periodic) >= 2);
  check(expirations(dense) > 400 * 1000 * 1000);
  nap(1);
  check(expirations(dense) > 0);
  check_equal(left(idle), 0);
  check_equal(fcntl(idle, F_GETFL), O_RDWR);
  check_equal(fcntl(idle, F_GETFD), FD_CLOEXEC);
  check_equal(left(stopped), 0);
  check_equal(expirations(stopped), 0);
  check_equal(left(read_once), 0);
  check_equal(expirations(read_once), 0);
  set(idle, 0, MS, 0);
  nap(5);
  uint64_t value;
  check_equal(read(idle, &value, 8), 8);
  check_equal(value, 1);
}

static void play_waiting(void) {
  int shared = timerfd_create(CLOCK_MONOTONIC, 0), twin = dup(shared);
  set(shared, 0, 1500 * MS, 0);
  pid_t child = fork();
  if (child == 0) {
    check_equal(expirations(twin), 1); // waits for it over the checkpoint
    _exit(0);
  }
  ready();
  must_exit_well(child);
  check_equal(left(shared), 0);
}

// By one nanosecond: nobody but timers that want to hear of it is disturbed.
static void set_clock(void) {
  struct timex by = {.modes = ADJ_SETOFFSET | ADJ_NANO, .time = {0, 1}};
  if (adjtimex(&by) >= 0) return;
  check_equal(errno, EPERM);
  skip("the clock cannot be set");
}
static int until(int seconds, int interval) {
  long long at = seconds ? now(CLOCK_REALTIME) + seconds * SECOND : 0;
  return started(CLOCK_REALTIME, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, at, interval * SECOND);
}
static int is_readable(int fd) {
  struct pollfd poll_fd = {fd, POLLIN, 0};
  return poll(&poll_fd, 1, 0);
}
static void check_cancelled(int fd) {
  uint64_t count;
  check_equal(is_readable(fd), 1);
  check_equal(read(fd, &count, 8), -1);
  check_equal(errno, ECANCELED);
  check_equal(is_readable(fd), 0);
}

static void play_cancel(void) {
  long long goal = now(CLOCK_REALTIME) + 500 * SECOND;
  int armed = until(0, 0), periodic = until(600, 7), idle = until(0, 0), told = until(700, 0);
  set(armed, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, goal, 0);
  int plain = started(CLOCK_REALTIME, TFD_TIMER_ABSTIME, goal, 0);
  int expired = until(0, 0);
  set(expired, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, 1, 0);
  set_clock();
  check_cancelled(armed);
  check_cancelled(periodic);
  check_cancelled(idle);
  check_cancelled(told);
  check_cancelled(expired);
  set(expired, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, 1, 0);
  check_equal(is_readable(expired), 1);

  ready();

  check_line(armed, "settime flags:", "03");
  check_goal(armed, CLOCK_REALTIME, goal);
  check(left(told) > 0 && left(periodic) > 0);
  check_equal(left(idle), 0);
  const int all[] = {armed, periodic, idle, told, plain};
  for (int i = 0; i < 5; i++) check_equal(is_readable(all[i]), 0);
  check_equal(expirations(expired), 1);
  set_clock();
  check_equal(is_readable(plain), 0);
  for (int i = 0; i < 4; i++) check_cancelled(all[i]);
  check_goal(armed, CLOCK_REALTIME, goal);
  check_cancelled(expired);
}

// The clock was set, and the program has not read it: a dump is refused, and takes nothing of it away.
static void play_cancelled(int fd) {
  set_clock();
  ready();
  check_cancelled(fd);
}
static void play_cancelled_armed(void) { play_cancelled(until(500, 0)); }
static void play_cancelled_periodic(void) { play_cancelled(until(500, 7)); }
static void play_cancelled_expired(void) {
  int fd = until(1, 0);
  while (!is_readable(fd)) nap(10);
  play_cancelled(fd);
}
static void play_cancelled_at_rest(void) {
  int fd = until(1, 600);
  while (!is_readable(fd)) nap(10);
  play_cancelled(fd);
}

int main(int argc, char **argv) {
  setup(argc, argv);
  play((struct test_case[]){
      {"clocks", play_clocks}, {"alarms", play_alarms}, {"expired", play_expired}, {"waiting", play_waiting},
      {"cancel", play_cancel}, {"cancelled-armed", play_cancelled_armed},
      {"cancelled-periodic", play_cancelled_periodic}, {"cancelled-expired", play_cancelled_expired},
      {"cancelled-at-rest", play_cancelled_at_rest}, {0}});
}

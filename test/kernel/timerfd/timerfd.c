// timerfds: every clock, relative, absolute and periodic, expirations that nobody has read, and ones that are at rest.
#include <sys/timerfd.h>

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
  long long cancelled_at = now(CLOCK_REALTIME) + 500 * SECOND;
  int cancelled = started(CLOCK_REALTIME, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, cancelled_at, 0);

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
  check_line(cancelled, "settime flags:", "03");
  check_goal(cancelled, CLOCK_REALTIME, cancelled_at);
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

int main(int argc, char **argv) {
  setup(argc, argv);
  play((struct test_case[]){
      {"clocks", play_clocks}, {"alarms", play_alarms}, {"expired", play_expired}, {"waiting", play_waiting}, {0}});
}

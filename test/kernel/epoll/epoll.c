// epoll instances: level, edge, one-shot and exclusive targets, nested ones, and targets whose number is closed, stands
// for something else, or belongs to a child.
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>

#include "woodfrog-test.h"

static void watch(int epoll, int fd, uint32_t events, uint64_t data) {
  struct epoll_event event = {.events = events, .data.u64 = data};
  check_equal(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event), 0);
}

static void put(int fd, uint64_t value) { check_equal(write(fd, &value, 8), 8); }

static void take(int fd) {
  uint64_t value;
  check_equal(read(fd, &value, 8), 8);
}

// What is ready, as the sum of the data of all that is; each event must be `events`.
static uint64_t ready_now(int epoll, uint32_t events) {
  struct epoll_event got[32];
  int count = epoll_wait(epoll, got, 32, 0);
  check(count >= 0);
  uint64_t sum = 0;
  for (int i = 0; i < count; i++) {
    check_equal(got[i].events, events);
    sum += got[i].data.u64;
  }
  return sum;
}

static int lines_of(int epoll, int number, const char *events) {
  char path[64], line[256], wanted[64];
  snprintf(path, sizeof path, "/proc/self/fdinfo/%d", epoll);
  snprintf(wanted, sizeof wanted, "tfd: %8d events: %8s ", number, events);
  FILE *file = fopen(path, "re");
  int count = 0;
  while (fgets(line, sizeof line, file)) count += strncmp(line, wanted, strlen(wanted)) == 0;
  fclose(file);
  return count;
}

static void play_modes(void) {
  int epoll = epoll_create1(EPOLL_CLOEXEC), level = eventfd(1, EFD_NONBLOCK), edge = eventfd(0, 0);
  int once = eventfd(1, 0), fired = eventfd(1, 0), exclusive = eventfd(0, 0), ends[2];
  check_equal(pipe(ends), 0);
  watch(epoll, level, EPOLLIN, 0x1000000000000001);
  watch(epoll, edge, EPOLLIN | EPOLLET, 2);
  watch(epoll, once, EPOLLIN | EPOLLONESHOT, 4);
  watch(epoll, exclusive, EPOLLIN | EPOLLEXCLUSIVE, 8);
  watch(epoll, ends[0], EPOLLIN | EPOLLRDHUP, 16);
  int apart = epoll_create1(0);
  watch(apart, level, EPOLLOUT | EPOLLET, 128);
  check_equal(ready_now(apart, EPOLLOUT), 128);
  watch(apart, fired, EPOLLIN | EPOLLONESHOT, 32);
  check_equal(ready_now(apart, EPOLLIN), 32);
  check_equal(ready_now(apart, EPOLLIN), 0);

  ready();

  check_equal(fcntl(epoll, F_GETFD), FD_CLOEXEC);
  check_equal(ready_now(epoll, EPOLLIN), 0x1000000000000005);
  check_equal(ready_now(epoll, EPOLLIN), 0x1000000000000001);
  take(level);
  put(edge, 1);
  check_equal(ready_now(epoll, EPOLLIN), 2);
  check_equal(ready_now(epoll, EPOLLIN), 0);
  put(edge, 1);
  check_equal(ready_now(epoll, EPOLLIN), 2);
  put(exclusive, 1);
  check_equal(ready_now(epoll, EPOLLIN), 8);
  take(exclusive);
  check_equal(write(ends[1], "x", 1), 1);
  check_equal(ready_now(epoll, EPOLLIN), 16);
  close(ends[1]);
  check_equal(ready_now(epoll, EPOLLIN | EPOLLHUP), 16);
  // The edge is reported once more. The one that has fired is not armed for anything.
  uint64_t again_edge = ready_now(apart, EPOLLOUT);
  check(again_edge == 0 || again_edge == 128);
  check_equal(lines_of(apart, fired, "40000000"), 1);
  put(fired, 1);
  check_equal(ready_now(apart, EPOLLIN), 0);
  struct epoll_event again = {.events = EPOLLIN | EPOLLONESHOT, .data.u64 = 64};
  check_equal(epoll_ctl(apart, EPOLL_CTL_MOD, fired, &again), 0);
  check_equal(ready_now(apart, EPOLLIN), 64);
}

static void play_nested(void) {
  int inner = epoll_create1(0), outer = epoll_create1(0), event = eventfd(0, 0);
  int timer = timerfd_create(CLOCK_MONOTONIC, 0);
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGUSR1);
  sigprocmask(SIG_BLOCK, &set, NULL);
  int signals = signalfd(-1, &set, 0);
  watch(outer, inner, EPOLLIN, 7);
  watch(inner, event, EPOLLIN, 1);
  watch(inner, timer, EPOLLIN, 2);
  watch(inner, signals, EPOLLIN, 4);
  // Of three, the one in the middle is ready over the checkpoint.
  int top = epoll_create1(0), middle = epoll_create1(0), bottom = epoll_create1(0), full = eventfd(1, 0);
  watch(top, middle, EPOLLIN | EPOLLET, 1);
  watch(middle, bottom, EPOLLIN, 2);
  watch(middle, full, EPOLLIN, 4);
  watch(bottom, event, EPOLLIN, 8);

  ready();

  check_equal(ready_now(top, EPOLLIN), 1);
  check_equal(ready_now(middle, EPOLLIN), 4);

  check_equal(ready_now(outer, EPOLLIN), 0);
  put(event, 1);
  check_equal(ready_now(outer, EPOLLIN), 7);
  check_equal(ready_now(bottom, EPOLLIN), 8);
  check_equal(ready_now(middle, EPOLLIN), 6);
  check_equal(ready_now(top, EPOLLIN), 1);
  check_equal(ready_now(top, EPOLLIN), 0);
  struct itimerspec soon = {{0, 0}, {0, 1}};
  check_equal(timerfd_settime(timer, 0, &soon, NULL), 0);
  check_equal(kill(getpid(), SIGUSR1), 0);
  nap(2);
  check_equal(ready_now(inner, EPOLLIN), 7);
}

static void play_waiting(void) {
  int epoll = epoll_create1(0), go = eventfd(0, 0), done = eventfd(0, 0);
  watch(epoll, go, EPOLLIN, 3);
  pid_t child = fork();
  if (child == 0) {
    struct epoll_event got;
    int count;
    // Over the checkpoint; the kernel ends it when a task is stopped (signal(7)).
    while ((count = epoll_wait(epoll, &got, 1, -1)) < 0 && errno == EINTR) {
    }
    check_equal(count, 1);
    check_equal(got.data.u64, 3);
    put(done, 1);
    _exit(0);
  }
  ready();
  put(go, 1);
  take(done);
  must_exit_well(child);
}

// Two targets under one number, of which the first lives on under another; both orders of what is there now.
static void play_moved(void) {
  int epoll = epoll_create1(0), first = eventfd(0, 0), second = eventfd(0, 0), third = eventfd(0, 0);
  int free_number = 50, beyond = 90;
  check_equal(dup2(0, 60), 60);
  watch(epoll, first, EPOLLIN, 1);
  int moved = dup(first);
  check_equal(dup2(second, first), first);
  watch(epoll, first, EPOLLIN, 2);
  check_equal(dup2(third, free_number), free_number);
  watch(epoll, free_number, EPOLLIN, 4);
  close(free_number);
  // No other descriptor is as high as this one.
  int high = eventfd(0, 0);
  check_equal(dup2(high, beyond), beyond);
  watch(epoll, beyond, EPOLLIN, 16);
  close(beyond);
  // What is there has nothing to do with the target.
  int fourth = eventfd(0, 0), fifth_number = eventfd(0, 0), fifth = dup(fifth_number);
  watch(epoll, fifth_number, EPOLLIN, 8);
  check_equal(dup3(fourth, fifth_number, O_CLOEXEC), fifth_number);

  ready();

  check_equal(lines_of(epoll, first, "19"), 2);
  check_equal(lines_of(epoll, free_number, "19"), 1);
  check_equal(lines_of(epoll, fifth_number, "19"), 1);
  check_equal(fcntl(free_number, F_GETFD), -1);
  check_equal(fcntl(fifth_number, F_GETFD), FD_CLOEXEC);
  check_equal(fcntl(first, F_GETFD), 0);
  put(moved, 1);
  check_equal(ready_now(epoll, EPOLLIN), 1);
  put(second, 1);
  check_equal(ready_now(epoll, EPOLLIN), 3);
  put(third, 1);
  check_equal(ready_now(epoll, EPOLLIN), 7);
  put(fourth, 1);
  check_equal(ready_now(epoll, EPOLLIN), 7);
  put(fifth, 1);
  check_equal(ready_now(epoll, EPOLLIN), 15);
  put(high, 1);
  check_equal(ready_now(epoll, EPOLLIN), 31);
  // The last one added under a number can be removed by it.
  check_equal(epoll_ctl(epoll, EPOLL_CTL_DEL, first, NULL), 0);
  check_equal(ready_now(epoll, EPOLLIN), 29);
}

// The instance is the parent's alone, one of its targets the child's.
static void play_child(void) {
  int target = eventfd(0, 0), other = eventfd(0, 0), go = eventfd(0, 0);
  pid_t child = fork();
  if (child == 0) {
    close(other);
    mark("child");
    take(go);
    put(target, 1);
    take(go);
    _exit(0);
  }
  await_mark("child");
  int epoll = epoll_create1(0);
  watch(epoll, target, EPOLLIN, 1);
  watch(epoll, other, EPOLLIN, 2);
  close(target);

  ready();

  check_equal(lines_of(epoll, target, "19"), 1);
  check_equal(ready_now(epoll, EPOLLIN), 0);
  put(go, 1);
  struct epoll_event got;
  check_equal(epoll_wait(epoll, &got, 1, 10000), 1);
  check_equal(got.data.u64, 1);
  put(other, 1);
  check_equal(ready_now(epoll, EPOLLIN), 3);
  put(go, 1);
  must_exit_well(child);
  // The last descriptor of the target is closed, and so it is no target any more.
  check_equal(ready_now(epoll, EPOLLIN), 2);
}

static void play_many(void) {
  int epoll = epoll_create1(0), events[500];
  for (int i = 0; i < 500; i++) watch(epoll, events[i] = eventfd(0, 0), EPOLLIN, i);
  ready();
  for (int i = 0; i < 500; i++) {
    put(events[i], 1);
    struct epoll_event got;
    check_equal(epoll_wait(epoll, &got, 1, 0), 1);
    check_equal(got.data.u64, i);
    take(events[i]);
  }
}

int main(int argc, char **argv) {
  setup(argc, argv);
  play((struct test_case[]){{"modes", play_modes},
                            {"nested", play_nested},
                            {"waiting", play_waiting},
                            {"moved", play_moved},
                            {"child", play_child},
                            {"many", play_many},
                            {0}});
}

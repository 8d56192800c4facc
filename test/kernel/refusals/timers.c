// Timers that are armed over the refused dump and run on afterwards.
#include <sys/time.h>

#include "woodfrog-test.h"

static void interval(int which) {
  struct itimerval timer = {{100, 0}, {1000, 5000}}, now;
  check_equal(setitimer(which, &timer, NULL), 0);
  ready();
  check_equal(getitimer(which, &now), 0);
  check(now.it_value.tv_sec > 900 && now.it_value.tv_sec <= 1000);
  check_equal(now.it_interval.tv_sec, 100);
}
static void play_real(void) { interval(ITIMER_REAL); }
static void play_virtual(void) { interval(ITIMER_VIRTUAL); }
static void play_prof(void) { interval(ITIMER_PROF); }

static void posix(struct sigevent event, clockid_t clock, int arm) {
  timer_t timer;
  struct itimerspec value = {{7, 0}, {1000, 0}}, now;
  check_equal(timer_create(clock, &event, &timer), 0);
  if (arm) check_equal(timer_settime(timer, 0, &value, NULL), 0);
  ready();
  check_equal(timer_gettime(timer, &now), 0);
  if (arm)
    check(now.it_value.tv_sec > 900 && now.it_value.tv_sec <= 1000 && now.it_interval.tv_sec == 7);
}
static void play_posix(void) {
  posix((struct sigevent){.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN}, CLOCK_MONOTONIC,
        1);
}
static void play_unarmed(void) {
  posix((struct sigevent){.sigev_notify = SIGEV_NONE}, CLOCK_REALTIME, 0);
}

int main(int argc, char **argv) {
  setup(argc, argv);
  play((struct test_case[]){{"itimer-real", play_real},
                            {"itimer-virtual", play_virtual},
                            {"itimer-prof", play_prof},
                            {"posix-timer", play_posix},
                            {"posix-timer-unarmed", play_unarmed},
                            {0}});
}

// Timers of which the kernel does not show all that matters.
#include "woodfrog-test.h"

// Which thread's CPU time is it?
static void *idle(void *arg) {
  wait_release();
  return NULL;
}
static void play_ambiguous(void) {
  pthread_t thread;
  timer_t timer;
  struct sigevent event = {.sigev_notify = SIGEV_NONE};
  check_equal(timer_create(CLOCK_THREAD_CPUTIME_ID, &event, &timer), 0);
  pthread_create(&thread, NULL, idle, NULL);
  ready();
  pthread_join(thread, NULL);
}

int main(int argc, char **argv) {
  setup(argc, argv);
  play((struct test_case[]){{"ambiguous", play_ambiguous}, {0}});
}

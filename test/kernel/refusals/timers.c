// Timers of a thread's CPU time of which cannot be found whose they are, or whose thread has ended.
#include "woodfrog-test.h"

static int create(int clock, int signo) {
  struct sigevent event = {.sigev_notify = signo ? SIGEV_SIGNAL : SIGEV_NONE, .sigev_signo = signo};
  int id = -1;
  check_equal(syscall(SYS_timer_create, clock, &event, &id), 0);
  return id;
}

static void *make_and_end(void *arg) {
  create(CLOCK_THREAD_CPUTIME_ID, 0);
  return NULL;
}
static void *idle(void *arg) {
  wait_release();
  return NULL;
}
static pthread_t start(void *(*run)(void *)) {
  pthread_t thread;
  check_equal(pthread_create(&thread, NULL, run, NULL), 0);
  return thread;
}

static void play_ended_alone(void) {
  pthread_join(start(make_and_end), NULL);
  ready();
}
static void play_ended(void) {
  pthread_join(start(make_and_end), NULL);
  pthread_t thread = start(idle);
  ready();
  pthread_join(thread, NULL);
}

static void play_pending(void) {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGRTMIN);
  check_equal(sigprocmask(SIG_BLOCK, &signals, NULL), 0);
  int id = create(CLOCK_THREAD_CPUTIME_ID, SIGRTMIN);
  pthread_t thread = start(idle);
  struct itimerspec soon = {{0, 0}, {0, 1}};
  check_equal(syscall(SYS_timer_settime, id, 0, &soon, NULL), 0);
  do check_equal(sigpending(&signals), 0);
  while (!sigismember(&signals, SIGRTMIN));
  ready();
  // A dump that is refused takes no signal back.
  sigemptyset(&signals);
  sigaddset(&signals, SIGRTMIN);
  siginfo_t info;
  struct timespec at_once = {0, 0};
  check_equal(sigtimedwait(&signals, &info, &at_once), SIGRTMIN);
  check_equal(info.si_timerid, id);
  pthread_join(thread, NULL);
}

static void play_ticks(void) {
  // User and system time: linux/posix-timers.h, CPUCLOCK_PROF of the thread that makes the timer.
  create(-4, 0);
  pthread_t thread = start(idle);
  ready();
  pthread_join(thread, NULL);
}

static void *stay(void *arg) {
  while (strncmp(proc_line("/proc/self/status", "State:"), "Z", 1) != 0) nap(1);
  ready();
  pass();
}
static void play_ended_leader(void) {
  int id = create(CLOCK_THREAD_CPUTIME_ID, 0);
  struct itimerspec far = {{0, 0}, {1000, 0}};
  check_equal(syscall(SYS_timer_settime, id, 0, &far, NULL), 0);
  start(stay);
  pthread_exit(NULL);
}

int main(int argc, char **argv) {
  setup(argc, argv);
  play((struct test_case[]){{"ended", play_ended},
                            {"ended-alone", play_ended_alone},
                            {"ended-leader", play_ended_leader},
                            {"pending", play_pending},
                            {"ticks", play_ticks},
                            {0}});
}

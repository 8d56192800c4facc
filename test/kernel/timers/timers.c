// Timers that are armed over a checkpoint: they keep what is left of them, their clocks, ids and
// targets, and go on ticking; no signal of theirs is lost or comes twice.
#include <sys/prctl.h>
#include <sys/time.h>

#include "woodfrog-test.h"

// glibc's timer_create() hides the number of a timer: the system calls do not.
static int create(clockid_t clock, int notify, int signo, long value, pid_t tid) {
  struct sigevent event = {.sigev_notify = notify, .sigev_signo = signo};
  event.sigev_value.sival_ptr = (void *)value;
  event._sigev_un._tid = tid;
  int id = -1;
  check_equal(syscall(SYS_timer_create, clock, &event, &id), 0);
  return id;
}
static void set(int id, int flags, long seconds, long ns, long interval_ns) {
  struct itimerspec spec = {{interval_ns / 1000000000, interval_ns % 1000000000}, {seconds, ns}};
  check_equal(syscall(SYS_timer_settime, id, flags, &spec, NULL), 0);
}
static struct itimerspec left_of(int id) {
  struct itimerspec now;
  check_equal(syscall(SYS_timer_gettime, id, &now), 0);
  return now;
}
static void check_left(int id, long from, long to, long interval) {
  struct itimerspec now = left_of(id);
  if (now.it_value.tv_sec < from || now.it_value.tv_sec > to)
    fail("timer %d has %ld s left, not %ld to %ld", id, (long)now.it_value.tv_sec, from, to);
  check_equal(now.it_interval.tv_sec, interval);
  check_equal(now.it_interval.tv_nsec, 0);
}

// Every timer as the kernel shows it: id, signal, value, target, clock.
static void read_timers(char *text, size_t size) {
  FILE *file = fopen("/proc/self/timers", "re");
  check(file != NULL);
  text[fread(text, 1, size - 1, file)] = 0;
  fclose(file);
}
static int count_of(const char *text, const char *word) {
  int count = 0;
  for (const char *at = strstr(text, word); at; at = strstr(at + 1, word)) count++;
  return count;
}
// The kernel's order is its own business: sorted by id it must be the same.
static int by_text(const void *a, const void *b) { return strcmp(*(char **)a, *(char **)b); }
static void ready_with_same_timers(void) {
  static char before[1 << 18], after[1 << 18];
  read_timers(before, sizeof before);
  ready();
  read_timers(after, sizeof after);
  check_equal(count_of(after, "ID: "), count_of(before, "ID: "));
  static char *lists[2][4096];
  char *texts[2] = {before, after};
  int counts[2] = {0, 0};
  for (int i = 0; i < 2; i++) {
    char *at = texts[i];
    while (at && *at) {
      lists[i][counts[i]++] = at;
      at = strstr(at + 1, "\nID: ");
      if (at) *at++ = 0;
    }
    for (int j = 0; j < counts[i]; j++) {
      char *end = lists[i][j] + strlen(lists[i][j]);
      while (end[-1] == '\n') *--end = 0;
    }
    qsort(lists[i], counts[i], sizeof(char *), by_text);
  }
  check_equal(counts[1], counts[0]);
  for (int j = 0; j < counts[0]; j++) check_text(lists[1][j], lists[0][j]);
}

static void interval(int which) {
  struct itimerval timer = {{100, 7}, {1000, 5000}}, now;
  check_equal(setitimer(which, &timer, NULL), 0);
  ready();
  check_equal(getitimer(which, &now), 0);
  check(now.it_value.tv_sec > 900 && now.it_value.tv_sec <= 1000);
  check_equal(now.it_interval.tv_sec, 100);
  check(now.it_interval.tv_usec >= 7);
}
static void play_real(void) { interval(ITIMER_REAL); }
static void play_virtual(void) { interval(ITIMER_VIRTUAL); }
static void play_prof(void) { interval(ITIMER_PROF); }

static volatile int ticks;
static void on_tick(int signo) { ticks++; }

static void play_ticking(void) {
  struct itimerval timer = {{0, 200000}, {0, 200000}};
  signal(SIGALRM, on_tick);
  signal(SIGRTMIN, on_tick);
  check_equal(setitimer(ITIMER_REAL, &timer, NULL), 0);
  ready();
  int before = ticks;
  nap(1000);
  if (ticks < before + 4 || ticks > before + 7) fail("%d ticks in a second", ticks - before);
}

// The signal of a periodic timer waits, and with it the timer, until it is taken.
static void play_expired(void) {
  struct itimerval timer = {{0, 200000}, {0, 1000}};
  sigset_t alarm;
  sigemptyset(&alarm);
  sigaddset(&alarm, SIGALRM);
  signal(SIGALRM, on_tick);
  check_equal(sigprocmask(SIG_BLOCK, &alarm, NULL), 0);
  check_equal(setitimer(ITIMER_REAL, &timer, NULL), 0);
  nap(20);
  ready();
  check_equal(ticks, 0);
  check_equal(sigprocmask(SIG_UNBLOCK, &alarm, NULL), 0);
  check_equal(ticks, 1);
  nap(1000);
  if (ticks < 5 || ticks > 8) fail("%d ticks in a second", ticks);
}

static void play_clocks(void) {
  clockid_t own, process_clock;
  check_equal(pthread_getcpuclockid(pthread_self(), &own), 0);
  check_equal(clock_getcpuclockid(getpid(), &process_clock), 0);
  const clockid_t clocks[] = {
      CLOCK_REALTIME, CLOCK_MONOTONIC,          CLOCK_BOOTTIME,          11 /* CLOCK_TAI */,
      own,            CLOCK_PROCESS_CPUTIME_ID, CLOCK_THREAD_CPUTIME_ID, process_clock};
  const int count = sizeof clocks / sizeof *clocks;
  for (int i = 0; i < count; i++) {
    check_equal(create(clocks[i], SIGEV_SIGNAL, SIGRTMIN + i, 0x123456789abcl + i, 0), 2 * i);
    set(2 * i, 0, 1000 + i, 0, 7 * 1000000000l);
    check_equal(create(clocks[i], SIGEV_NONE, 0, i, 0), 2 * i + 1);
  }
  ready_with_same_timers();
  for (int i = 0; i < count; i++) {
    check_left(2 * i, 900, 1000 + i, 7);
    check_left(2 * i + 1, 0, 0, 0);
  }
}

static void play_absolute(void) {
  const clockid_t clocks[] = {CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_BOOTTIME};
  for (int i = 0; i < 3; i++) {
    struct timespec now;
    clock_gettime(clocks[i], &now);
    check_equal(create(clocks[i], SIGEV_NONE, 0, 0, 0), i);
    set(i, TIMER_ABSTIME, now.tv_sec + 1000, 0, 0);
  }
  ready_with_same_timers();
  for (int i = 0; i < 3; i++) check_left(i, 900, 1000, 0);
}

static sigset_t block(int signo) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, signo);
  check_equal(sigprocmask(SIG_BLOCK, &set, NULL), 0);
  return set;
}
static siginfo_t take(const sigset_t *set, int seconds) {
  siginfo_t info;
  struct timespec most = {seconds, 0};
  check(sigtimedwait(set, &info, &most) > 0);
  check_equal(info.si_code, SI_TIMER);
  return info;
}

// Alarms of the clock of the day: it goes on while a program is in its images, and so do those that wait for a time of it.
static long long in_ns(struct timespec at) { return at.tv_sec * 1000000000ll + at.tv_nsec; }
static long long real_now(void) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  return in_ns(now);
}
static void play_wall(void) {
  sigset_t signals = {0};
  for (int i = 0; i < 4; i++) signals = block(SIGRTMIN + i);
  const long long start = real_now();
  long long goals[2];
  for (int i = 0; i < 2; i++) {
    goals[i] = start + (1000 + i) * 1000000000ll;
    check_equal(create(CLOCK_REALTIME, i ? SIGEV_THREAD_ID : SIGEV_SIGNAL, SIGRTMIN + i, i, gettid()), i);
    set(i, TIMER_ABSTIME, goals[i] / 1000000000, goals[i] % 1000000000, i * 7000000000l);
  }
  check_equal(create(CLOCK_REALTIME, SIGEV_SIGNAL, SIGRTMIN + 2, 2, 0), 2);
  set(2, 0, 1500, 0, 0);
  check_equal(create(CLOCK_REALTIME, SIGEV_SIGNAL, SIGRTMIN + 3, 3, 0), 3);
  long long soon = start + 1000000000ll;
  set(3, TIMER_ABSTIME, soon / 1000000000, soon % 1000000000, 0);

  ready_with_same_timers();

  for (int i = 0; i < 2; i++) {
    long long before = real_now(), left = in_ns(left_of(i).it_value), after = real_now();
    if (left > goals[i] - before || left < goals[i] - after) fail("%lld ns left, not %lld", left, goals[i] - before);
  }
  check_left(1, 900, 1001, 7);
  check_left(2, 1400, 1500, 0);
  // This one ended while the program was away, or not much later.
  sigemptyset(&signals);
  sigaddset(&signals, SIGRTMIN + 3);
  check_equal(take(&signals, 30).si_timerid, 3);
  check(real_now() >= soon);
  struct timespec at_once = {0, 0};
  check_equal(sigtimedwait(&signals, NULL, &at_once), -1);
}

static int thread_timer, thread_cpu_timer;
static volatile pid_t woken;
static void on_wake(int signo, siginfo_t *info, void *context) {
  check_equal(info->si_code, SI_TIMER);
  check_equal(info->si_value.sival_int, 77);
  woken = gettid();
}
static void *notified(void *tid) {
  clockid_t clock;
  check_equal(pthread_getcpuclockid(pthread_self(), &clock), 0);
  thread_timer = create(CLOCK_MONOTONIC, SIGEV_THREAD_ID, SIGRTMIN + 3, 77, gettid());
  thread_cpu_timer = create(clock, SIGEV_THREAD_ID, SIGRTMIN + 3, 77, gettid());
  set(thread_timer, 0, 1000, 0, 0);
  set(thread_cpu_timer, 0, 1000, 0, 0);
  *(pid_t *)tid = gettid();
  mark("thread");
  wait_release();
  while (!woken) nap(5);
  return NULL;
}
static void play_thread(void) {
  struct sigaction action = {.sa_sigaction = on_wake, .sa_flags = SA_SIGINFO};
  check_equal(sigaction(SIGRTMIN + 3, &action, NULL), 0);
  pthread_t thread;
  static pid_t tid;
  pthread_create(&thread, NULL, notified, &tid);
  await_mark("thread");
  ready_with_same_timers();
  check_left(thread_timer, 900, 1000, 0);
  check_left(thread_cpu_timer, 900, 1000, 0);
  set(thread_timer, 0, 0, 1, 0);
  pthread_join(thread, NULL);
  check_equal(woken, tid);
}

// SIGEV_THREAD is libc's: a thread of its own that a timer notifies.
static volatile int called;
static void call(union sigval value) { called += value.sival_int; }
static void play_callback(void) {
  struct sigevent event = {.sigev_notify = SIGEV_THREAD, .sigev_notify_function = call};
  event.sigev_value.sival_int = 5;
  timer_t timer;
  check_equal(timer_create(CLOCK_MONOTONIC, &event, &timer), 0);
  ready();
  struct itimerspec soon = {{0, 0}, {0, 1000000}};
  check_equal(timer_settime(timer, 0, &soon, NULL), 0);
  for (int i = 0; i < 1000 && !called; i++) nap(5);
  check_equal(called, 5);
}

static void play_sparse(void) {
  for (int id = 0; id < 3000; id++) {
    check_equal(create(CLOCK_MONOTONIC, SIGEV_NONE, 0, id, 0), id);
    if (id % 500 != 7 && id != 2999) check_equal(syscall(SYS_timer_delete, id), 0);
    else set(id, 0, 1000, 0, 0);
  }
  ready_with_same_timers();
  for (int id = 7; id < 3000; id += 500) check_left(id, 900, 1000, 0);
  check_left(2999, 900, 1000, 0);
  check(create(CLOCK_MONOTONIC, SIGEV_NONE, 0, 0, 0) >= 0);
}

static void play_many(void) {
  for (int id = 0; id < 1000; id++) {
    check_equal(create(CLOCK_BOOTTIME, SIGEV_SIGNAL, SIGUSR1, id, 0), id);
    set(id, 0, 1000 + id, 0, 3 * 1000000000l);
  }
  ready_with_same_timers();
  for (int id = 0; id < 1000; id++) check_left(id, 900 + id, 1000 + id, 3);
}

static void play_pending(void) {
  sigset_t signals = block(SIGRTMIN + 4);
  int id = create(CLOCK_MONOTONIC, SIGEV_SIGNAL, SIGRTMIN + 4, 0x4242, 0);
  set(id, 0, 0, 1, 300000000);
  nap(20);
  ready_with_same_timers();
  for (int i = 0; i < 4; i++) {
    siginfo_t info = take(&signals, 2);
    check_equal(info.si_value.sival_int, 0x4242);
    check_equal(info.si_timerid, id);
  }
}

// What timer_getoverrun() says of the last signal that was delivered.
static void play_overrun(void) {
  sigset_t signals = block(SIGRTMIN + 5);
  const clockid_t clocks[] = {CLOCK_MONOTONIC, CLOCK_REALTIME};
  int missed[2];
  for (int i = 0; i < 2; i++) {
    if (i == 1) signals = block(SIGRTMIN + 6);
    int id = create(clocks[i], SIGEV_SIGNAL, SIGRTMIN + 5 + i, 1, 0);
    set(id, 0, 0, 1, 3000000);
    nap(40);
    sigemptyset(&signals);
    sigaddset(&signals, SIGRTMIN + 5 + i);
    check_equal(take(&signals, 1).si_overrun, syscall(SYS_timer_getoverrun, id));
    // With a long interval: nothing may come until it is asked.
    set(id, 0, 0, 1, 30000000000l);
    take(&signals, 1);
    struct timespec now;
    clock_gettime(clocks[i], &now);
    set(id, TIMER_ABSTIME, now.tv_sec - 100, now.tv_nsec, 30000000000l);
    take(&signals, 1);
    missed[i] = syscall(SYS_timer_getoverrun, id);
    check_equal(missed[i], 3);
  }
  ready_with_same_timers();
  for (int i = 0; i < 2; i++) {
    check_equal(syscall(SYS_timer_getoverrun, i), missed[i]);
    struct itimerspec now = left_of(i);
    check(now.it_value.tv_sec < 20 && now.it_interval.tv_sec == 30);
  }
  sigaddset(&signals, SIGRTMIN + 5);
  struct timespec at_once = {0, 0};
  check_equal(sigtimedwait(&signals, NULL, &at_once), -1);
}

// Timers that run off before, in and after the freeze: each is heard of exactly once.
enum { SHOTS = 600 };
static volatile unsigned char heard[SHOTS];
static void on_shot(int signo, siginfo_t *info, void *context) { heard[info->si_value.sival_int]++; }
static void play_shots(void) {
  struct sigaction action = {.sa_sigaction = on_shot, .sa_flags = SA_SIGINFO | SA_RESTART};
  check_equal(sigaction(SIGRTMIN + 7, &action, NULL), 0);
  for (int i = 0; i < SHOTS; i++) {
    create(CLOCK_MONOTONIC, SIGEV_SIGNAL, SIGRTMIN + 7, i, 0);
    set(i, 0, i / 200, (i % 200) * 5000000 + 1, 0);
  }
  ready();
  nap(SHOTS * 5 + 200);
  for (int i = 0; i < SHOTS; i++)
    if (heard[i] != 1) fail("shot %d was heard %d times", i, heard[i]);
}

int main(int argc, char **argv) {
  setup(argc, argv);
  play((struct test_case[]){{"real", play_real},
                            {"virtual", play_virtual},
                            {"prof", play_prof},
                            {"ticking", play_ticking},
                            {"expired", play_expired},
                            {"clocks", play_clocks},
                            {"absolute", play_absolute},
                            {"wall", play_wall},
                            {"thread", play_thread},
                            {"callback", play_callback},
                            {"sparse", play_sparse},
                            {"many", play_many},
                            {"pending", play_pending},
                            {"overrun", play_overrun},
                            {"shots", play_shots},
                            {0}});
}

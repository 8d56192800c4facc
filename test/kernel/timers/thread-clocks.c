// Timers of CLOCK_THREAD_CPUTIME_ID in a process with threads: the kernel does not show whose CPU time one measures, but
// it stays that of the thread that made it.
#include "woodfrog-test.h"

#define MS 1000000ll
#define SECOND 1000000000ll
#define OWNERS 4
#define MANY 100

// glibc's timer_create() hides the number of a timer: the system calls do not.
static int create(int clock, int notify, int signo, long value, pid_t tid) {
  struct sigevent event = {.sigev_notify = notify, .sigev_signo = signo};
  event.sigev_value.sival_ptr = (void *)value;
  event._sigev_un._tid = tid;
  int id = -1;
  check_equal(syscall(SYS_timer_create, clock, &event, &id), 0);
  return id;
}
static void set(int id, int flags, long long value, long long interval) {
  struct itimerspec spec = {{interval / SECOND, interval % SECOND}, {value / SECOND, value % SECOND}};
  check_equal(syscall(SYS_timer_settime, id, flags, &spec, NULL), 0);
}
static long long left_of(int id, long long *interval) {
  struct itimerspec now;
  check_equal(syscall(SYS_timer_gettime, id, &now), 0);
  if (interval) *interval = now.it_interval.tv_sec * SECOND + now.it_interval.tv_nsec;
  return now.it_value.tv_sec * SECOND + now.it_value.tv_nsec;
}
static long long spent(clockid_t clock) {
  struct timespec now;
  check_equal(clock_gettime(clock, &now), 0);
  return now.tv_sec * SECOND + now.tv_nsec;
}
static void work(long long ns) {
  for (long long end = spent(CLOCK_THREAD_CPUTIME_ID) + ns; spent(CLOCK_THREAD_CPUTIME_ID) < end;) {
  }
}

// Where on a thread's clock a timer ends, seen between two looks at that clock.
struct span {
  long long from, to;
};
static struct span goal_of(int id, clockid_t clock) {
  struct span goal;
  goal.from = spent(clock);
  long long left = left_of(id, NULL);
  goal.to = spent(clock) + left;
  goal.from += left;
  return goal;
}
static int meet(struct span a, struct span b) { return a.from <= b.to && b.from <= a.to; }

// Each thread makes its timers, rests, and works when it is told to.
enum { FAR, PERIODIC, NONE, IDLE, IDLE_NONE, KINDS };
static struct owner {
  pthread_t thread;
  pid_t tid;
  clockid_t clock;
  int id[KINDS];
  volatile int is_prepared, is_busy, ends, heard[KINDS];
  volatile pid_t receiver[KINDS];
  // Nanoseconds of work to do; -1: on and on.
  volatile long long job;
} owners[OWNERS];

static void (*prepare)(struct owner *);

static void on_signal(int signo, siginfo_t *info, void *context) {
  struct owner *owner = &owners[info->si_value.sival_int / KINDS];
  int kind = info->si_value.sival_int % KINDS;
  check_equal(info->si_code, SI_TIMER);
  check_equal(info->si_timerid, owner->id[kind]);
  owner->receiver[kind] = gettid();
  owner->heard[kind]++;
}

static void enter(struct owner *own) {
  own->tid = gettid();
  check_equal(pthread_getcpuclockid(pthread_self(), &own->clock), 0);
  prepare(own);
  own->is_prepared = 1;
}
static void *follow(void *at) {
  struct owner *own = at;
  enter(own);
  while (!own->ends) {
    if (own->job == 0) nap(20);
    own->is_busy = own->job < 0;
    while (own->job < 0) work(MS);
    own->is_busy = 0;
    if (own->job > 0) work(own->job);
    own->job = 0;
  }
  return NULL;
}
static void begin(void (*how)(struct owner *)) {
  struct sigaction action = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_RESTART};
  check_equal(sigaction(SIGRTMIN + 1, &action, NULL), 0);
  prepare = how;
  enter(&owners[0]);
  for (int i = 1; i < OWNERS; i++) {
    check_equal(pthread_create(&owners[i].thread, NULL, follow, &owners[i]), 0);
    while (!owners[i].is_prepared) nap(1);
  }
}
// One thread works, and all others rest.
static void let_work(int i, long long ns) {
  if (i == 0) {
    work(ns);
    return;
  }
  owners[i].job = ns;
  while (owners[i].job != 0) nap(20);
}
static void end(void) {
  for (int i = 1; i < OWNERS; i++) owners[i].ends = 1;
  for (int i = 1; i < OWNERS; i++) pthread_join(owners[i].thread, NULL);
}

static int make(struct owner *own, int kind, int notify, pid_t target) {
  long value = (own - owners) * KINDS + kind;
  return own->id[kind] = create(CLOCK_THREAD_CPUTIME_ID, notify, SIGRTMIN + 1, value, target);
}
static int number_of(const struct owner *own) { return own - owners; }

static int prepare_alone;
static void make_all(struct owner *own) {
  int i = number_of(own);
  set(make(own, FAR, SIGEV_SIGNAL, 0), 0, (1000 + i) * SECOND, 0);
  set(make(own, PERIODIC, SIGEV_THREAD_ID, own->tid), 0, (1000 + i) * SECOND, (7 + i) * SECOND);
  set(make(own, NONE, SIGEV_NONE, 0), 0, (1000 + i) * SECOND, 0);
  // Another thread than the one that it measures, if there is one.
  make(own, IDLE, SIGEV_THREAD_ID, prepare_alone ? own->tid : owners[0].tid);
  make(own, IDLE_NONE, SIGEV_NONE, 0);
}
static int is_armed(int kind) { return kind <= NONE; }

static void play_clocks(void) {
  begin(make_all);
  long long left[OWNERS][KINDS], interval;
  for (int i = 0; i < OWNERS; i++)
    for (int kind = 0; kind < KINDS; kind++) left[i][kind] = left_of(owners[i].id[kind], NULL);
  ready();
  struct span goals[OWNERS][KINDS];
  for (int i = 0; i < OWNERS; i++) {
    struct owner *own = &owners[i];
    for (int kind = 0; kind < KINDS; kind++) {
      long long now = left_of(own->id[kind], &interval);
      if (now > left[i][kind] || now < left[i][kind] - 500 * SECOND) fail("%lld ns left, not %lld", now, left[i][kind]);
      if (is_armed(kind)) check(now > 0);
      check_equal(interval, kind == PERIODIC ? (7 + i) * SECOND : 0);
      if (!is_armed(kind)) set(own->id[kind], 0, 2000 * SECOND, 0);
      goals[i][kind] = goal_of(own->id[kind], own->clock);
    }
  }
  long long at[OWNERS];
  for (int i = 0; i < OWNERS; i++) at[i] = spent(owners[i].clock);
  for (int i = 0; i < OWNERS; i++) let_work(i, (1 + i) * 40 * MS);
  for (int i = 0; i < OWNERS; i++) {
    check(spent(owners[i].clock) - at[i] >= (1 + i) * 40 * MS);
    for (int kind = 0; kind < KINDS; kind++) {
      struct span now = goal_of(owners[i].id[kind], owners[i].clock);
      if (!meet(now, goals[i][kind]))
        fail("timer %d of thread %d ends at %lld, not %lld", kind, i, now.from, goals[i][kind].from);
      check_equal(owners[i].heard[kind], 0);
    }
  }
  end();
}

static void make_near(struct owner *own) {
  set(make(own, FAR, SIGEV_SIGNAL, 0), 0, 300 * MS, 0);
  set(make(own, PERIODIC, SIGEV_THREAD_ID, own->tid), 0, 300 * MS, 50 * MS);
}
static void play_near(void) {
  begin(make_near);
  ready();
  for (int i = OWNERS - 1; i >= 0; i--) {
    check_equal(owners[i].heard[FAR], 0);
    check_equal(owners[i].heard[PERIODIC], 0);
    let_work(i, 450 * MS);
    check_equal(owners[i].heard[FAR], 1);
    check(owners[i].heard[PERIODIC] >= 2);
    check_equal(owners[i].receiver[PERIODIC], owners[i].tid);
  }
  end();
}

// As profilers do: all threads work all the time, and some timers are due, but not yet seen to be, at any moment.
static void make_profile(struct owner *own) {
  int i = number_of(own);
  set(make(own, FAR, SIGEV_THREAD_ID, owners[0].tid), 0, (7 + i) * MS, (7 + i) * MS);
  set(make(own, PERIODIC, SIGEV_THREAD_ID, own->tid), 0, 10 * MS, 10 * MS);
}
static void play_profile(void) {
  begin(make_profile);
  for (int i = 1; i < OWNERS; i++) owners[i].job = -1;
  for (int i = 1; i < OWNERS; i++)
    while (!owners[i].is_busy) nap(1);
  say("READY\n");
  while (!released()) work(5 * MS);
  for (int i = 1; i < OWNERS; i++) owners[i].job = 0;
  for (int i = 1; i < OWNERS; i++)
    while (owners[i].is_busy) nap(1);
  for (int i = 0; i < OWNERS; i++) {
    int heard[OWNERS][2];
    long long at[OWNERS];
    for (int j = 0; j < OWNERS; j++) {
      at[j] = spent(owners[j].clock);
      for (int kind = 0; kind < 2; kind++) heard[j][kind] = owners[j].heard[kind];
    }
    let_work(i, 300 * MS);
    for (int j = 0; j < OWNERS; j++) {
      long long most = (spent(owners[j].clock) - at[j]) / (7 * MS) + 2;
      for (int kind = 0; kind < 2; kind++) {
        int count = owners[j].heard[kind] - heard[j][kind];
        if (count > most || (i == j && count < 1))
          fail("timer %d of thread %d ran off %d times while thread %d worked", kind, j, count, i);
      }
      if (i != j) continue;
      check(owners[i].heard[PERIODIC] - heard[i][PERIODIC] >= 5);
      check_equal(owners[i].receiver[PERIODIC], owners[i].tid);
      check_equal(owners[i].receiver[FAR], owners[0].tid);
    }
  }
  end();
}

// A thread has one timer, and there are many threads.
static int many_ids[MANY];
static clockid_t many_clocks[MANY];
static volatile int many_ready, many_end;
static void *one_of_many(void *at) {
  long i = (long)at;
  check_equal(pthread_getcpuclockid(pthread_self(), &many_clocks[i]), 0);
  many_ids[i] = create(CLOCK_THREAD_CPUTIME_ID, SIGEV_NONE, 0, i, 0);
  if (i % 2) set(many_ids[i], 0, (1000 + i) * SECOND, 0);
  __sync_fetch_and_add(&many_ready, 1);
  while (!many_end) nap(20);
  return NULL;
}
static void play_many(void) {
  pthread_t threads[MANY];
  for (long i = 0; i < MANY; i++) check_equal(pthread_create(&threads[i], NULL, one_of_many, (void *)i), 0);
  while (many_ready < MANY) nap(1);
  ready();
  struct span goals[MANY];
  for (int i = 0; i < MANY; i++) {
    if (i % 2 == 0) set(many_ids[i], TIMER_ABSTIME, 5000 * SECOND, 0);
    goals[i] = goal_of(many_ids[i], many_clocks[i]);
    if (i % 2 == 0) check(goals[i].from <= 5000 * SECOND && goals[i].to >= 5000 * SECOND);
  }
  // No time passes for the others while the main thread works.
  work(30 * MS);
  for (int i = 0; i < MANY; i++) check(meet(goals[i], goal_of(many_ids[i], many_clocks[i])));
  many_end = 1;
  for (int i = 0; i < MANY; i++) pthread_join(threads[i], NULL);
}

// The main thread has ended, and the timers of another go on.
static void *stay(void *at) {
  struct owner *own = at;
  while (strncmp(proc_line("/proc/self/status", "State:"), "Z", 1) != 0) nap(1);
  enter(own);
  ready();
  struct span goals[KINDS];
  for (int kind = 0; kind < KINDS; kind++) {
    if (!is_armed(kind)) set(own->id[kind], 0, 2000 * SECOND, 0);
    goals[kind] = goal_of(own->id[kind], own->clock);
  }
  work(50 * MS);
  for (int kind = 0; kind < KINDS; kind++) check(meet(goal_of(own->id[kind], own->clock), goals[kind]));
  set(own->id[PERIODIC], 0, MS, 0);
  while (!own->heard[PERIODIC]) work(MS);
  check_equal(own->receiver[PERIODIC], own->tid);
  pass();
}
static void play_leader_gone(void) {
  struct sigaction action = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_RESTART};
  check_equal(sigaction(SIGRTMIN + 1, &action, NULL), 0);
  prepare = make_all;
  prepare_alone = 1;
  check_equal(pthread_create(&owners[1].thread, NULL, stay, &owners[1]), 0);
  pthread_exit(NULL);
}

int main(int argc, char **argv) {
  setup(argc, argv);
  play((struct test_case[]){
      {"clocks", play_clocks}, {"near", play_near}, {"profile", play_profile}, {"many", play_many},
      {"leader-gone", play_leader_gone}, {0}});
}

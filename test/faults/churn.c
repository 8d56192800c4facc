// Never stands still. Case 'processes': children that end soon, each with a status of its own, some with children of
// theirs, are born all the time, at most 200 at once. Case 'threads': threads that end soon are born all the time. All
// births and ends are counted, and at the end the counts must agree: nobody is lost, and no status. Case 'bomb': every
// process forks, its children do, and parents end before them, so that they become the root's. Case 'execs': processes
// that run themselves anew all the time, now from their only thread, now from another one.
#include <sys/prctl.h>

#include "woodfrog-test.h"

enum { MOST = 180, THREADS = 16 };
struct counts {
  unsigned long born, ended, grand_born, grand_ended;
};
static struct counts *counts;

// A child's whole life: perhaps a child of its own, a moment of work, and the status it was told to end with.
__attribute__((noreturn)) static void live(unsigned seed) {
  if (seed % 4 == 0) {
    __atomic_add_fetch(&counts->grand_born, 1, __ATOMIC_RELAXED);
    pid_t child = fork();
    if (child == 0) {
      nap(seed % 3);
      __atomic_add_fetch(&counts->grand_ended, 1, __ATOMIC_RELAXED);
      _exit(seed % 250);
    }
    int status;
    check_equal(waitpid(child, &status, 0), child);
    check_equal(status, (int)(seed % 250) << 8);
  }
  nap(seed % 20);
  _exit(seed % 251);
}

static void processes(void) {
  static struct {
    pid_t pid;
    unsigned seed;
  } alive[MOST];
  int count = 0;
  unsigned seed = 1;
  say("READY\n");
  while (!released() || count > 0) {
    if (!released() && count < MOST) {
      seed = seed * 1103515245u + 12345u;
      unsigned own = seed >> 8;
      // Counted first: a copy that is born counts as one however early it is caught.
      counts->born++;
      pid_t child = fork();
      check(child >= 0);
      if (child == 0) live(own);
      alive[count].pid = child, alive[count++].seed = own;
    }
    int status;
    pid_t ended = waitpid(-1, &status, count == MOST || released() ? 0 : WNOHANG);
    if (ended <= 0) continue;
    int i = 0;
    while (i < count && alive[i].pid != ended) i++;
    if (i == count) fail("pid %d was reaped, and was no child", ended);
    if (status != (int)(alive[i].seed % 251) << 8) fail("pid %d ended with %#x", ended, status);
    counts->ended++;
    alive[i] = alive[--count];
  }
  check_equal(counts->ended, counts->born);
  check_equal(counts->grand_ended, counts->grand_born);
}

static void *short_life(void *arg) {
  volatile unsigned long *slot = arg;
  sigset_t own, seen;
  sigemptyset(&own);
  sigaddset(&own, SIGRTMIN + 1);
  pthread_sigmask(SIG_BLOCK, &own, NULL);
  nap(*slot % 3);
  sigemptyset(&own);
  pthread_sigmask(SIG_BLOCK, &own, &seen);
  check(sigismember(&seen, SIGRTMIN + 1));
  ++*slot;
  return NULL;
}

static void threads(void) {
  static unsigned long turns[THREADS];
  pthread_t alive[THREADS];
  unsigned long born = 0, ended = 0;
  for (int i = 0; i < THREADS; i++, born++) pthread_create(&alive[i], NULL, short_life, &turns[i]);
  say("READY\n");
  for (int i = 0; !released(); i = (i + 1) % THREADS) {
    check_equal(pthread_join(alive[i], NULL), 0);
    check_equal(pthread_create(&alive[i], NULL, short_life, &turns[i]), 0);
    born++;
  }
  for (int i = 0; i < THREADS; i++) pthread_join(alive[i], NULL);
  for (int i = 0; i < THREADS; i++) ended += turns[i];
  check_equal(ended, born);
}

enum { BOMB = 40 };

// One more of the bomb: forks while there is room, and ends at some time. Who was not reaped yet takes room: with the
// root stopped the machine would run out of pids.
__attribute__((noreturn)) static void spread(unsigned seed) {
  for (;;) {
    seed = seed * 1103515245u + 12345u;
    if (!released() && counts->grand_born - counts->ended < BOMB) {
      __atomic_add_fetch(&counts->grand_born, 1, __ATOMIC_SEQ_CST);
      pid_t child = fork();
      if (child == 0) spread(seed ^ getpid());
      if (child < 0) {
        __atomic_add_fetch(&counts->grand_ended, 1, __ATOMIC_SEQ_CST);
        __atomic_add_fetch(&counts->ended, 1, __ATOMIC_SEQ_CST);
      }
    }
    while (waitpid(-1, NULL, WNOHANG) > 0) __atomic_add_fetch(&counts->ended, 1, __ATOMIC_SEQ_CST);
    if (released() || (seed >> 16) % 8 == 0) {
      __atomic_add_fetch(&counts->grand_ended, 1, __ATOMIC_SEQ_CST);
      _exit(0);
    }
    if ((seed >> 20) % 2) nap((seed >> 24) % 4);
  }
}

static void bomb(void) {
  check_equal(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
  say("READY\n");
  for (;;) {
    // It never dies out.
    if (!released() && counts->grand_born - counts->ended < BOMB / 2) {
      __atomic_add_fetch(&counts->grand_born, 1, __ATOMIC_SEQ_CST);
      pid_t child = fork();
      check(child >= 0);
      if (child == 0) spread(getpid());
    }
    int status;
    pid_t ended = waitpid(-1, &status, WNOHANG);
    if (ended > 0) {
      check_equal(status, 0);
      __atomic_add_fetch(&counts->ended, 1, __ATOMIC_SEQ_CST);
    }
    if (ended < 0 && released()) break;
    if (ended <= 0) nap(1);
  }
  check_equal(counts->grand_ended, counts->grand_born);
  check_equal(counts->ended, counts->grand_born);
}

enum { RUNNERS = 12 };
static char **arguments;

static void *run_anew(void *number) {
  char text[24];
  snprintf(text, sizeof text, "%ld", (long)number + 1);
  // Program, release file, case, its pid as it was born, how often it was run.
  char *args[] = {arguments[0], arguments[1], arguments[2], arguments[3], text, NULL};
  execv("/proc/self/exe", args);
  fail("execv: %s", strerrorname_np(errno));
}

__attribute__((noreturn)) static void keep_running(void) {
  long number = atol(arguments[4]);
  check_equal(getpid(), atol(arguments[3]));
  check_equal(gettid(), getpid());
  if (released()) _exit(0);
  if (number % 2 == 0) run_anew((void *)number);
  pthread_t thread;
  pthread_create(&thread, NULL, run_anew, (void *)number);
  for (;;) pause();
}

static void execs(void) {
  pid_t runners[RUNNERS];
  for (int i = 0; i < RUNNERS; i++) {
    runners[i] = fork();
    check(runners[i] >= 0);
    if (runners[i] == 0) {
      char own[24];
      snprintf(own, sizeof own, "%d", getpid());
      char *args[] = {arguments[0], (char *)release_path, "execs", own, "0", NULL};
      arguments = args;
      run_anew((void *)0);
    }
  }
  ready();
  for (int i = 0; i < RUNNERS; i++) must_exit_well(runners[i]);
}

int main(int argc, char **argv) {
  setup(argc, argv);
  arguments = argv;
  if (argc > 4) keep_running();
  counts = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  static const struct test_case cases[] = {{"processes", processes}, {"threads", threads}, {"bomb", bomb}, {"execs", execs}, {0}};
  play(cases);
}

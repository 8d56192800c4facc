// Never stands still. Case 'processes': children that end soon, each with a status of its own, some with children of
// theirs, are born all the time, at most 200 at once. Case 'threads': threads that end soon are born all the time. All
// births and ends are counted, and at the end the counts must agree: nobody is lost, and no status.
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

int main(int argc, char **argv) {
  setup(argc, argv);
  counts = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  static const struct test_case cases[] = {{"processes", processes}, {"threads", threads}, {0}};
  play(cases);
}

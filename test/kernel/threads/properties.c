// Threads: ids, names, thread-local storage, tid address (join works), and registered rseq areas.
#include <linux/rseq.h>
#include <sched.h>
#include <sys/prctl.h>

#include "woodfrog-test.h"

enum { THREADS = 6 };
static __thread int tls = -1;
static __thread char tls_big[9000];
static pid_t tids[THREADS];
static pthread_t threads[THREADS];
static unsigned rseq_cpu[THREADS];
extern const ptrdiff_t __rseq_offset __attribute__((weak));
extern const unsigned __rseq_size __attribute__((weak));

static struct rseq *rseq_area(void) {
  return (void *)((char *)__builtin_thread_pointer() + __rseq_offset);
}

static void check_rseq(void) {
  if (&__rseq_size == NULL || __rseq_size == 0) return;
  struct rseq *area = rseq_area();
  cpu_set_t all, one;
  check_equal(sched_getaffinity(0, sizeof all, &all), 0);
  // The kernel writes the processor into the area at each migration: only a registered area
  // follows.
  for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
    if (!CPU_ISSET(cpu, &all)) continue;
    CPU_ZERO(&one);
    CPU_SET(cpu, &one);
    check_equal(sched_setaffinity(0, sizeof one, &one), 0);
    check_equal(area->cpu_id, cpu);
  }
  check_equal(sched_setaffinity(0, sizeof all, &all), 0);
  // Registered already, with this very area: a second registration says so.
  check_equal(syscall(SYS_rseq, area, 32, 0, 0x53053053), -1);
  check_equal(errno, EBUSY);
}

static void *thread(void *arg) {
  int i = (int)(intptr_t)arg;
  char name[16], now[16];
  snprintf(name, sizeof name, "thread (%d) x", i);
  check_equal(prctl(PR_SET_NAME, name), 0);
  tls = i;
  fill(tls_big, sizeof tls_big, i);
  void *pointer = __builtin_thread_pointer();
  tids[i] = gettid();
  rseq_cpu[i] = 1;
  char label[16];
  snprintf(label, sizeof label, "thread%d", i);
  mark(label);
  wait_release();
  check_equal(gettid(), tids[i]);
  check_equal(syscall(SYS_gettid), tids[i]);
  check_equal(prctl(PR_GET_NAME, now), 0);
  check_text(now, name);
  check_equal(tls, i);
  check_fill(tls_big, sizeof tls_big, i);
  check(__builtin_thread_pointer() == pointer);
  check_rseq();
  return (void *)(intptr_t)(i + 100);
}

int main(int argc, char **argv) {
  setup(argc, argv);
  for (int i = 0; i < THREADS; i++)
    check_equal(pthread_create(&threads[i], NULL, thread, (void *)(intptr_t)i), 0);
  for (int i = 0; i < THREADS; i++) {
    char label[16];
    snprintf(label, sizeof label, "thread%d", i);
    await_mark(label);
  }
  pid_t pid = getpid();
  tls = 4242;

  ready();

  check_equal(getpid(), pid);
  check_equal(tls, 4242);
  check_rseq();
  // Joining needs the kernel to clear each thread's tid and wake its futex.
  for (int i = 0; i < THREADS; i++) {
    void *result;
    check_equal(pthread_join(threads[i], &result), 0);
    check_equal((intptr_t)result, i + 100);
  }
  // New threads still can be made, and get memory and an id of their own.
  pthread_t more;
  check_equal(pthread_create(&more, NULL, thread, (void *)2), 0);
  check_equal(pthread_join(more, NULL), 0);
  pass();
}

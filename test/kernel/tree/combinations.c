// Children that share memory, descriptors, directories and signal handlers with their parent in
// every combination that clone(2) takes: they share the same afterwards, and nothing else.
#include <linux/kcmp.h>
#include <sched.h>

#include "woodfrog-test.h"

static const int tables[] = {CLONE_VM, CLONE_FILES, CLONE_FS, CLONE_SIGHAND};
static const int compared[] = {KCMP_VM, KCMP_FILES, KCMP_FS, KCMP_SIGHAND};
enum { TABLES = 4, CASES = 1 << TABLES };

static struct shared {
  volatile int is_over, there[CASES];
} *shared;
static char stacks[CASES][16384] __attribute__((aligned(16)));

// It may share its parent's memory, thread-local storage and all: nothing of the C library is used.
static long call(long nr, long one, long two) {
  long result;
  __asm__ volatile("syscall" : "=a"(result) : "a"(nr), "D"(one), "S"(two) : "rcx", "r11", "memory");
  return result;
}
static int wait_for_the_end(void *arg) {
  struct timespec nap = {0, 5000000};
  shared->there[(intptr_t)arg] = 1;
  while (!shared->is_over) call(SYS_nanosleep, (long)&nap, 0);
  call(SYS_exit_group, 7, 0);
  return 0;
}

static void check_sharing(int one, pid_t child) {
  for (int k = 0; k < TABLES; k++) {
    long order = syscall(SYS_kcmp, getpid(), child, compared[k], 0, 0);
    check(order >= 0);
    if ((order == 0) != ((one >> k) & 1))
      fail("the child of case %#x %s table %d", one, order == 0 ? "shares" : "does not share", k);
  }
}

int main(int argc, char **argv) {
  setup(argc, argv);
  shared = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  pid_t children[CASES] = {0};
  for (int one = 0; one < CASES; one++) {
    int flags = SIGCHLD;
    for (int k = 0; k < TABLES; k++)
      if ((one >> k) & 1) flags |= tables[k];
    if ((flags & CLONE_SIGHAND) && !(flags & CLONE_VM)) continue;
    children[one] = clone(wait_for_the_end, stacks[one] + sizeof stacks[one], flags, (void *)(intptr_t)one);
    check(children[one] > 0);
    while (!shared->there[one]) nap(1);
  }
  for (int one = 0; one < CASES; one++)
    if (children[one] > 0) check_sharing(one, children[one]);

  ready();

  for (int one = 0; one < CASES; one++)
    if (children[one] > 0) check_sharing(one, children[one]);
  shared->is_over = 1;
  for (int one = 0; one < CASES; one++) {
    int status;
    if (children[one] <= 0) continue;
    check_equal(waitpid(children[one], &status, 0), children[one]);
    check_equal(status, 7 << 8);
  }
  pass();
}

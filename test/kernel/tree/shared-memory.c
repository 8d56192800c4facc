// Processes made by clone(2) with CLONE_VM: one address space, and with CLONE_SIGHAND one table of
// signal handlers, but pids, descriptors and signals of their own.
#include <sched.h>
#include <sys/prctl.h>

#include "woodfrog-test.h"

enum { STACK = 65536 };
static char stacks[3][STACK] __attribute__((aligned(16)));
static volatile int turn, seen[3];
static int *volatile fresh;
static volatile sig_atomic_t handled;
static int flags;

static void on_signal(int signal) { handled = getpid(); }

static void check_handler(int signal, int is_there) {
  struct sigaction action;
  check_equal(sigaction(signal, NULL, &action), 0);
  check_equal(action.sa_handler == on_signal, is_there);
}

// No stdio but `say`: the children share the parent's libc, and its thread pointer.
static int child(void *arg) {
  int me = (int)(intptr_t)arg;
  seen[me] = 1;
  while (!released()) nap(5);
  while (turn != me) nap(1);
  // Memory that the parent mapped after the restore, and a handler that it set.
  if (*fresh != 40 + me) _exit(10);
  *fresh += 1;
  struct sigaction action;
  if (sigaction(SIGUSR2, NULL, &action) != 0) _exit(11);
  if ((action.sa_handler == on_signal) != ((flags & CLONE_SIGHAND) != 0)) _exit(12);
  if (getppid() == 1) _exit(13);
  int fd = open("/dev/null", O_RDONLY);
  if (fd != ((flags & CLONE_FILES) ? 20 : 3)) _exit(14);
  seen[me] = 2;
  _exit(0);
}

int main(int argc, char **argv) {
  setup(argc, argv);
  flags = CLONE_VM;
  if (strstr(test_case, "handlers")) flags |= CLONE_SIGHAND;
  if (strstr(test_case, "all")) flags |= CLONE_SIGHAND | CLONE_FILES | CLONE_FS;
  signal(SIGUSR1, on_signal);
  pid_t pids[3];
  for (int i = 1; i < 3; i++) {
    pids[i] = clone(child, stacks[i] + STACK, flags | SIGCHLD, (void *)(intptr_t)i);
    check(pids[i] > 0);
    while (!seen[i]) nap(1);
  }

  ready();

  check_handler(SIGUSR1, 1);
  check(signal(SIGUSR2, on_signal) != SIG_ERR);
  for (int i = 3; i < 20; i++) dup2(1, i);
  fresh = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  for (int i = 1; i < 3; i++) {
    *fresh = 40 + i;
    turn = i;
    int status;
    check_equal(waitpid(pids[i], &status, 0), pids[i]);
    check_equal(status, 0);
    check_equal(*fresh, 41 + i);
    check_equal(seen[i], 2);
    close(20);
  }
  kill(getpid(), SIGUSR1);
  check_equal(handled, getpid());
  pass();
}

// Blocked signals and alternate stacks belong to threads: each keeps its own.
#include "woodfrog-test.h"

enum { THREADS = 4 };
static char stacks[THREADS][32768] __attribute__((aligned(16)));
static __thread volatile char *handler_frame;

static void handler(int signal) { handler_frame = __builtin_frame_address(0); }

static uint64_t mask_of(int i) {
  return 0x1111111111111111ull << i &
         ~(1ull << (SIGKILL - 1) | 1ull << (SIGSTOP - 1) | 1ull << (SIGUSR1 - 1) | 3ull << 31);
}

static void *thread(void *arg) {
  int i = (int)(intptr_t)arg;
  uint64_t mask = mask_of(i), now;
  check_equal(syscall(SYS_rt_sigprocmask, SIG_SETMASK, &mask, NULL, 8), 0);
  // Thread 3 has none; thread 2 one that is disarmed on use.
  stack_t stack = {.ss_sp = stacks[i],
                   .ss_size = sizeof stacks[i],
                   .ss_flags = i == 2 ? (int)(1u << 31) : 0},
          after;
  if (i != 3) check_equal(sigaltstack(&stack, NULL), 0);
  if (i > 0) {
    char label[16];
    snprintf(label, sizeof label, "thread%d", i);
    mark(label);
    wait_release();
  } else {
    ready();
  }
  check_equal(syscall(SYS_rt_sigprocmask, SIG_SETMASK, NULL, &now, 8), 0);
  check_equal(now, mask);
  check_equal(sigaltstack(NULL, &after), 0);
  if (i == 3) {
    check_equal(after.ss_flags, SS_DISABLE);
    return NULL;
  }
  check(after.ss_sp == stack.ss_sp);
  check_equal(after.ss_size, stack.ss_size);
  check_equal(after.ss_flags, stack.ss_flags);
  check_equal(syscall(SYS_tgkill, getpid(), gettid(), SIGUSR1), 0);
  check(handler_frame >= (volatile char *)stacks[i] &&
        handler_frame < (volatile char *)stacks[i] + sizeof stacks[i]);
  return NULL;
}

int main(int argc, char **argv) {
  setup(argc, argv);
  struct sigaction action = {.sa_handler = handler, .sa_flags = SA_ONSTACK};
  sigaction(SIGUSR1, &action, NULL);
  pthread_t threads[THREADS];
  for (int i = 1; i < THREADS; i++) pthread_create(&threads[i], NULL, thread, (void *)(intptr_t)i);
  for (int i = 1; i < THREADS; i++) {
    char label[16];
    snprintf(label, sizeof label, "thread%d", i);
    await_mark(label);
  }
  thread(NULL);
  for (int i = 1; i < THREADS; i++) check_equal(pthread_join(threads[i], NULL), 0);
  pass();
}

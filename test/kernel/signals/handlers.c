// Frozen inside a signal handler: it goes on there, on the stack that it runs on, returns to where it
// came from with the registers and the mask of then, and the next signal finds all as it was.
#include <ucontext.h>

#include "woodfrog-test.h"

static char stack_memory[65536] __attribute__((aligned(16)));
static const int autodisarm = (int)(1u << 31);
static int is_alternate, flags;
static volatile int depth, handled;

static int is_on_stack(const void *at) {
  return (const char *)at >= stack_memory && (const char *)at < stack_memory + sizeof stack_memory;
}
static uint64_t mask_now(void) {
  uint64_t mask;
  check_equal(syscall(SYS_rt_sigprocmask, SIG_SETMASK, NULL, &mask, 8), 0);
  return mask;
}
static void check_stack(int wanted) {
  stack_t now;
  check_equal(sigaltstack(NULL, &now), 0);
  check_equal(now.ss_flags & 0xffff, wanted & 0xffff);
  if (wanted != SS_DISABLE) check(now.ss_sp == stack_memory && now.ss_size == sizeof stack_memory);
}

static void look(int signal, siginfo_t *info, ucontext_t *context, uint64_t mask) {
  check_equal(is_on_stack(__builtin_frame_address(0)), is_alternate);
  if (is_alternate) check_stack(flags == autodisarm ? SS_DISABLE : SS_ONSTACK);
  check_equal(mask_now(), mask);
  check_equal(info->si_signo, signal);
  check_equal(info->si_pid, getpid());
  check_equal(info->si_value.sival_int, 1000 + signal);
  check(!sigismember(&context->uc_sigmask, signal));
}

static void on_signal(int signal, siginfo_t *info, void *context) {
  handled++;
  uint64_t mask = mask_now();
  // The outer handler is frozen with an inner one above it.
  if (depth-- > 0) {
    union sigval value = {.sival_int = 1000 + SIGUSR2};
    check_equal(sigqueue(getpid(), SIGUSR2, value), 0);
  } else if (depth == -1) {
    ready();
  }
  look(signal, info, context, mask);
}

static void check_around(int signal) {
  uint64_t before = mask_now();
  volatile double number = 1.5;
  errno = 77;
  union sigval value = {.sival_int = 1000 + signal};
  long registers[4] = {11, 22, 33, 44};
  check_equal(sigqueue(getpid(), signal, value), 0);
  check_equal(registers[0] + registers[1] + registers[2] + registers[3], 110);
  check(number == 1.5);
  check_equal(mask_now(), before);
  if (is_alternate) check_stack(flags & ~SS_ONSTACK);
  else check(!is_on_stack(&before));
}

int main(int argc, char **argv) {
  setup(argc, argv);
  is_alternate = strstr(test_case, "stack") != NULL;
  flags = strcmp(test_case, "disarmed-stack") == 0 ? autodisarm : 0;
  stack_t stack = {.ss_sp = stack_memory, .ss_size = sizeof stack_memory, .ss_flags = flags};
  if (is_alternate) check_equal(sigaltstack(&stack, NULL), 0);
  struct sigaction action = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_ONSTACK};
  sigaddset(&action.sa_mask, SIGRTMIN + 5);
  sigaction(SIGUSR1, &action, NULL);
  sigaction(SIGUSR2, &action, NULL);
  depth = strcmp(test_case, "nested") == 0 ? 1 : 0;
  int wanted = depth + 1;

  check_around(SIGUSR1);
  check_equal(handled, wanted);
  // Once more, as if nothing had happened.
  depth = -5;
  check_around(SIGUSR1);
  check_equal(handled, wanted + 1);
  pass();
}

// Signal actions: handler, flags, mask and restorer of all 62 signals that can have one.
#include "woodfrog-test.h"

// What rt_sigaction(2) holds, without glibc's own additions.
struct kernel_action {
  void *handler;
  unsigned long flags;
  void *restorer;
  uint64_t mask;
};
static struct kernel_action set[65];
static volatile int caught, caught_value;

static void plain(int signal) { caught = signal; }
static void informed(int signal, siginfo_t *info, void *context) {
  caught = signal;
  caught_value = info->si_value.sival_int;
}
static void restorer(void) { __asm__ volatile("mov $15, %%eax\n\tsyscall" ::: "memory"); }

static int can_have_action(int signal) { return signal != SIGKILL && signal != SIGSTOP; }

int main(int argc, char **argv) {
  setup(argc, argv);
  const unsigned long flags[] = {
      0,           SA_RESTART, SA_NODEFER, SA_ONSTACK | SA_RESTART, SA_NOCLDSTOP, SA_NOCLDWAIT,
      0x80000000ul /* SA_RESETHAND */};
  for (int signal = 1; signal <= 64; signal++) {
    if (!can_have_action(signal)) continue;
    struct kernel_action *action = &set[signal];
    action->mask =
        (0x9E3779B97F4A7C15ull * signal) & ~(1ull << (SIGKILL - 1) | 1ull << (SIGSTOP - 1));
    action->flags = flags[signal % 7];
    switch (signal % 4) {
      case 0:
        action->handler = SIG_DFL;
        break;
      case 1:
        action->handler = SIG_IGN;
        break;
      case 2:
        action->handler = plain;
        break;
      case 3:
        action->handler = informed, action->flags |= SA_SIGINFO;
        break;
    }
    // glibc's own two signals are as good as any for the kernel.
    action->flags |= 0x04000000 /* SA_RESTORER */;
    action->restorer = restorer;
    check_equal(syscall(SYS_rt_sigaction, signal, action, NULL, 8), 0);
  }

  ready();

  for (int signal = 1; signal <= 64; signal++) {
    if (!can_have_action(signal)) continue;
    struct kernel_action now = {0};
    check_equal(syscall(SYS_rt_sigaction, signal, NULL, &now, 8), 0);
    if (memcmp(&now, &set[signal], sizeof now) != 0)
      fail("signal %d: handler %p flags %#lx restorer %p mask %#llx, not %p %#lx %p %#llx", signal,
           now.handler, now.flags, now.restorer, (long long)now.mask, set[signal].handler,
           set[signal].flags, set[signal].restorer, (long long)set[signal].mask);
  }
  struct sigaction action = {.sa_sigaction = informed, .sa_flags = SA_SIGINFO};
  sigaction(SIGUSR1, &action, NULL);
  check_equal(sigqueue(getpid(), SIGUSR1, (union sigval){.sival_int = 77}), 0);
  check_equal(caught, SIGUSR1);
  check_equal(caught_value, 77);
  pass();
}

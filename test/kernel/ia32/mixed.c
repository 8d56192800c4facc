// A tree of programs of both kinds: 64-bit, its child 32-bit, and that one's child 64-bit again, or the other way
// round. argv[2] says which generation this is, argv[3] names the program of the other kind.
#include "woodfrog-test.h"

static volatile int handled;
static void on_signal(int signal, siginfo_t *info, void *context) { handled = info->si_value.sival_int; }

int main(int argc, char **argv) {
  setup(argc, argv);
  check(argc == 4);
  int generation = atoi(argv[2]);
  pid_t child = 0;
  if (generation < 2) {
    char next[16], is_there[32];
    snprintf(next, sizeof next, "%d", generation + 1);
    snprintf(is_there, sizeof is_there, "there-%d", generation + 1);
    child = fork();
    if (child == 0) {
      char self[4096] = "";
      check(readlink("/proc/self/exe", self, sizeof self - 1) > 0);
      execl(argv[3], argv[3], argv[1], next, self, NULL);
      fail("execl of %s: %s", argv[3], strerrorname_np(errno));
    }
    await_mark(is_there);
  }
  struct sigaction action = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO};
  sigaction(SIGUSR1, &action, NULL);
  unsigned char *data = malloc(100000);
  fill(data, 100000, generation);
  char mine[32];
  snprintf(mine, sizeof mine, "there-%d", generation);
  if (generation == 0) {
    ready();
  } else {
    mark(mine);
    wait_release();
  }
  check_fill(data, 100000, generation);
  check_equal(sigqueue(getpid(), SIGUSR1, (union sigval){.sival_int = 7 + generation}), 0);
  check_equal(handled, 7 + generation);
  if (child != 0) must_exit_well(child);
  if (generation == 0) pass();
  exit(0);
}

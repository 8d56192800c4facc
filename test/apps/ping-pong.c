// Two programs that share an anonymous mapping, and play ping-pong in it through process-shared
// futexes.
#include <linux/futex.h>

#include "woodfrog-test.h"

struct table {
  int ball;  // Even: the parent's turn.
  int stop;
  long hits[2];
  unsigned char net[64 * PAGE];
};

static void play_side(struct table *table, int side) {
  while (!__atomic_load_n(&table->stop, __ATOMIC_SEQ_CST)) {
    int ball = __atomic_load_n(&table->ball, __ATOMIC_SEQ_CST);
    if (ball % 2 != side) {
      struct timespec second = {1, 0};
      syscall(SYS_futex, &table->ball, FUTEX_WAIT, ball, &second, NULL, 0);
      continue;
    }
    table->net[ball % sizeof table->net] = pattern_at(ball, 7);
    table->hits[side]++;
    if (side == 0 && released()) __atomic_store_n(&table->stop, 1, __ATOMIC_SEQ_CST);
    __atomic_store_n(&table->ball, ball + 1, __ATOMIC_SEQ_CST);
    syscall(SYS_futex, &table->ball, FUTEX_WAKE, 1, NULL, NULL, 0);
  }
}

int main(int argc, char **argv) {
  setup(argc, argv);
  struct table *table =
      mmap(NULL, sizeof *table, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  check(table != MAP_FAILED);
  pid_t child = fork();
  if (child == 0) {
    play_side(table, 1);
    _exit(0);
  }
  say("READY\n");
  play_side(table, 0);
  must_exit_well(child);
  int balls = table->ball;
  check_equal(table->hits[0] + table->hits[1], balls);
  check_equal(table->hits[0], (balls + 1) / 2);
  check(balls > 100);
  for (int i = balls < (int)sizeof table->net ? 0 : balls - (int)sizeof table->net; i < balls; i++)
    check_equal(table->net[i % sizeof table->net], pattern_at(i, 7));
  pass();
}

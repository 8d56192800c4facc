// Processes stopped by job control: they are stopped after a checkpoint as before, SIGCONT wakes
// them, and their parent hears of it what it had not heard before, and nothing else.
#include "woodfrog-test.h"

static char state_of(pid_t pid) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/stat", pid);
  FILE *file = fopen(path, "re");
  char state = '?';
  check(file != NULL);
  check_equal(fscanf(file, "%*d (%*[^)]) %c", &state), 1);
  fclose(file);
  return state;
}
static void await_stop(pid_t child) {
  for (int i = 0; i < 1000 && state_of(child) != 'T'; i++) nap(5);
  check_equal(state_of(child), 'T');
}

static void check_stop(pid_t child, int signo) {
  int status = 0, got = 0;
  // One thread's state says nothing of the others: they may take a moment.
  for (int i = 0; i < 200 && got == 0; i++) {
    got = waitpid(child, &status, WUNTRACED | WNOHANG);
    if (got == 0) nap(5);
  }
  check_equal(got, child);
  check(WIFSTOPPED(status));
  check_equal(WSTOPSIG(status), signo);
}
static void check_nothing(pid_t child) {
  int status = 0;
  check_equal(waitpid(child, &status, WUNTRACED | WCONTINUED | WNOHANG), 0);
}
static int sigchld_is_pending(void) {
  sigset_t pending;
  check_equal(sigpending(&pending), 0);
  return sigismember(&pending, SIGCHLD);
}
static void forget_sigchld(void) {
  sigset_t set;
  struct timespec at_once = {0, 0};
  sigemptyset(&set);
  sigaddset(&set, SIGCHLD);
  sigprocmask(SIG_BLOCK, &set, NULL);
  while (sigtimedwait(&set, NULL, &at_once) > 0) {
  }
}

static void wake(pid_t child) {
  int status;
  check_equal(kill(child, SIGCONT), 0);
  check_equal(waitpid(child, &status, WCONTINUED), child);
  check(WIFCONTINUED(status));
}

static int pipes[2];
static volatile int continued;
static void on_continue(int signo) { continued++; }
// Reads its pipe, over the stop.
static pid_t reader(void) {
  check_equal(pipe(pipes), 0);
  pid_t child = fork();
  if (child > 0) return child;
  char byte;
  signal(SIGCONT, on_continue);
  mark("child");
  ssize_t got;
  while ((got = read(pipes[0], &byte, 1)) < 0) check_equal(errno, EINTR);
  check_equal(got, 1);
  check_equal(byte, 'x');
  check_equal(continued, 1);
  _exit(0);
}
static pid_t stopped_reader(int signo) {
  pid_t child = reader();
  await_mark("child");
  nap(20);
  check_equal(kill(child, signo), 0);
  await_stop(child);
  return child;
}
static void finish(pid_t child) {
  wake(child);
  check_equal(write(pipes[1], "x", 1), 1);
  must_exit_well(child);
}

static void play_seen(void) {
  pid_t child = stopped_reader(SIGSTOP);
  check_stop(child, SIGSTOP);
  forget_sigchld();
  ready();
  check_equal(state_of(child), 'T');
  check_nothing(child);
  check(!sigchld_is_pending());
  finish(child);
}
static void play_unseen(void) {
  pid_t child = stopped_reader(SIGSTOP);
  ready();
  check_equal(state_of(child), 'T');
  check_stop(child, SIGSTOP);
  check_nothing(child);
  finish(child);
}
static void play_pending(void) {
  forget_sigchld();
  pid_t child = stopped_reader(SIGSTOP);
  check(sigchld_is_pending());
  ready();
  check(sigchld_is_pending());
  check_stop(child, SIGSTOP);
  finish(child);
}
// A job in a group of its own, as a shell has them.
static void play_job(void) {
  for (int signo = SIGTSTP; signo <= SIGTTOU; signo++) {
    char name[8];
    snprintf(name, sizeof name, "%d", signo);
    pid_t child = fork();
    if (child == 0) {
      check_equal(setpgid(0, 0), 0);
      mark(name);
      for (;;) pause();
    }
    await_mark(name);
    check_equal(kill(child, signo), 0);
    await_stop(child);
  }
  ready();
  for (int signo = SIGTSTP; signo <= SIGTTOU; signo++) {
    int status;
    pid_t child = waitpid(-1, &status, WUNTRACED | WNOHANG);
    check(child > 0 && WIFSTOPPED(status));
    check(WSTOPSIG(status) >= SIGTSTP && WSTOPSIG(status) <= SIGTTOU);
    check_equal(state_of(child), 'T');
    wake(child);
    check_equal(kill(child, SIGKILL), 0);
    check_equal(waitpid(child, &status, 0), child);
  }
}

static volatile long *counters;
__attribute__((noreturn)) static void *count(void *at) {
  for (;;) {
    ++*(volatile long *)at;
    nap(1);
  }
}
static void play_threads(void) {
  counters = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  pid_t child = fork();
  if (child == 0) {
    pthread_t thread;
    for (int i = 0; i < 20; i++) pthread_create(&thread, NULL, count, (void *)&counters[i]);
    mark("child");
    count((void *)&counters[20]);
  }
  await_mark("child");
  nap(20);
  check_equal(kill(child, SIGSTOP), 0);
  await_stop(child);
  check_stop(child, SIGSTOP);
  long before[21];
  for (int i = 0; i < 21; i++) before[i] = counters[i];
  ready();
  nap(50);
  for (int i = 0; i < 21; i++) check_equal(counters[i], before[i]);
  check_nothing(child);
  wake(child);
  for (int i = 0; i < 21; i++)
    for (int j = 0; counters[i] == before[i]; j++) {
      if (j > 1000) fail("thread %d did not go on", i);
      nap(5);
    }
  int status;
  check_equal(kill(child, SIGKILL), 0);
  check_equal(waitpid(child, &status, 0), child);
}

// The root of the tree itself; a child wakes it.
static void play_root(void) {
  pid_t root = getpid();
  pid_t child = fork();
  if (child == 0) {
    await_stop(root);
    say("READY\n");
    wait_release();
    check_equal(state_of(root), 'T');
    check_equal(kill(root, SIGCONT), 0);
    _exit(0);
  }
  check_equal(raise(SIGSTOP), 0);
  must_exit_well(child);
}

// A second SIGSTOP waits behind the first, and SIGCONT takes both away.
static void play_twice(void) {
  pid_t child = stopped_reader(SIGSTOP);
  check_stop(child, SIGSTOP);
  check_equal(kill(child, SIGSTOP), 0);
  check_equal(kill(child, SIGUSR1), 0);
  ready();
  check_equal(state_of(child), 'T');
  check_nothing(child);
  check_equal(kill(child, SIGCONT), 0);
  int status;
  check_equal(waitpid(child, &status, 0), child);
  check(WIFSIGNALED(status));
  check_equal(WTERMSIG(status), SIGUSR1);
}

int main(int argc, char **argv) {
  setup(argc, argv);
  play((struct test_case[]){{"seen", play_seen},
                            {"unseen", play_unseen},
                            {"pending", play_pending},
                            {"job", play_job},
                            {"threads", play_threads},
                            {"root", play_root},
                            {"twice", play_twice},
                            {0}});
}

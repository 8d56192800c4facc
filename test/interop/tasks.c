// Three threads, a child in its own session sharing a pipe, a zombie, signals, limits: the captured
// program of the golden set 'tasks' without its timers.
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static void *idle(void *name) {
  sigset_t set;
  prctl(PR_SET_NAME, name);
  sigemptyset(&set);
  sigaddset(&set, SIGUSR2);
  pthread_sigmask(SIG_BLOCK, &set, NULL);
  for (;;) pause();
  return NULL;
}

static void on_signal(int n) { (void)n; }

int main(void) {
  pthread_t a, b;
  int p[2];
  if (pipe(p) != 0 || write(p[1], "queued in the pipe", 18) != 18) return 1;
  struct sigaction sa = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
  sigaction(SIGUSR1, &sa, NULL);
  sigaction(SIGALRM, &sa, NULL);
  struct rlimit rl = {100, 200};
  setrlimit(RLIMIT_NOFILE, &rl);
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  if (fork() == 0) {
    setsid();
    if (fork() == 0)
      for (;;) pause();
    for (;;) pause();
  }
  pid_t dead = fork();
  if (dead == 0) _exit(7);
  siginfo_t info;
  waitid(P_PID, dead, &info, WEXITED | WNOWAIT);
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGUSR1);
  sigaddset(&set, SIGRTMIN + 3);
  sigprocmask(SIG_BLOCK, &set, NULL);
  pthread_create(&a, NULL, idle, "worker-a");
  pthread_create(&b, NULL, idle, "worker-b");
  kill(getpid(), SIGUSR1);
  sigqueue(getpid(), SIGRTMIN + 3, (union sigval){.sival_int = 1234});
  if (write(1, "READY\n", 6) != 6) return 1;
  for (;;) pause();
}

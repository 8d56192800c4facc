// Three threads, a child in its own session sharing a pipe, a zombie, timers, signals, limits. With
// CAPTURED it is the very program of the golden set 'tasks'; else it says when all is set up.
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
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
  (void)!pipe(p);
  (void)!write(p[1], "queued in the pipe", 18);
  struct sigaction sa = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
  sigaction(SIGUSR1, &sa, NULL);
  sigaction(SIGALRM, &sa, NULL);
  struct itimerval it = {{100, 0}, {100, 0}};
  setitimer(ITIMER_REAL, &it, NULL);
  timer_t t;
  struct sigevent ev = {
      .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1, .sigev_value.sival_int = 42};
  timer_create(CLOCK_MONOTONIC, &ev, &t);
  struct itimerspec ts = {{50, 0}, {3600, 0}};
  timer_settime(t, 0, &ts, NULL);
  struct rlimit rl = {100, 200};
  setrlimit(RLIMIT_NOFILE, &rl);
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  if (!fork()) {
    setsid();
    if (!fork())
      for (;;) pause();
    for (;;) pause();
  }
  pid_t dead = fork();
  if (!dead) _exit(7);
#ifndef CAPTURED
  siginfo_t info;
  waitid(P_PID, dead, &info, WEXITED | WNOWAIT);
#endif
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGUSR1);
  sigaddset(&set, SIGRTMIN + 3);
  sigprocmask(SIG_BLOCK, &set, NULL);
  pthread_create(&a, NULL, idle, "worker-a");
  pthread_create(&b, NULL, idle, "worker-b");
  kill(getpid(), SIGUSR1);
  sigqueue(getpid(), SIGRTMIN + 3, (union sigval){.sival_int = 1234});
#ifndef CAPTURED
  (void)!write(1, "READY\n", 6);
#endif
  for (;;) pause();
}

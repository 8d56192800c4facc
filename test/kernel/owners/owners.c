// Who is told when a descriptor is ready, and by which signal.
#include <poll.h>

#include "woodfrog-test.h"

static volatile sig_atomic_t number, at_fd;
static void note(int sig, siginfo_t *info, void *context UNUSED) {
  number = sig;
  at_fd = info->si_fd;
}

static void handle(int sig) {
  struct sigaction action = {.sa_sigaction = note, .sa_flags = SA_SIGINFO};
  check_equal(sigaction(sig, &action, NULL), 0);
}

static void check_owner(int fd, int type, pid_t pid, int sig) {
  struct f_owner_ex owner = {-1, -1};
  check_equal(fcntl(fd, F_GETOWN_EX, &owner), 0);
  check_equal(owner.type, type);
  check_equal(owner.pid, pid);
  check_equal(fcntl(fd, F_GETSIG), sig);
}

static void check_told(int sig, int fd) {
  for (int i = 0; i < 400 && number == 0; i++) nap(5);
  check_equal(number, sig);
  check_equal(at_fd, fd);
  number = at_fd = 0;
}

// Owned by this process, by its group, by a thread; with and without a signal of its own.
static volatile pid_t thread_tid;
static volatile int checked;
static void *wait_in_thread(void *unused) {
  thread_tid = gettid();
  while (!checked) nap(5);
  return unused;
}

static void play_kinds(void) {
  pthread_t thread;
  pthread_create(&thread, NULL, wait_in_thread, NULL);
  while (thread_tid == 0) nap(1);
  int ends[2], file = open("file", O_CREAT | O_RDWR, 0600), plain[2];
  check_equal(pipe(ends) | pipe(plain), 0);
  struct f_owner_ex group = {F_OWNER_PGRP, getpgrp()}, task = {F_OWNER_TID, thread_tid};
  check_equal(fcntl(ends[0], F_SETOWN, getpid()), 0);
  check_equal(fcntl(ends[1], F_SETOWN_EX, &task) | fcntl(ends[1], F_SETSIG, SIGRTMIN + 2), 0);
  check_equal(fcntl(file, F_SETOWN_EX, &group), 0);
  check_equal(fcntl(plain[0], F_SETSIG, SIGUSR1), 0);
  check_equal(mkfifo("fifo", 0600), 0);
  int fifo = open("fifo", O_RDWR);
  check_equal(fcntl(fifo, F_SETOWN, -getpgrp()), 0);
  ready();
  check_owner(ends[0], F_OWNER_PID, getpid(), 0);
  check_owner(ends[1], F_OWNER_TID, thread_tid, SIGRTMIN + 2);
  check_owner(file, F_OWNER_PGRP, getpgrp(), 0);
  check_owner(fifo, F_OWNER_PGRP, getpgrp(), 0);
  struct f_owner_ex owner;
  check_equal(fcntl(plain[0], F_GETOWN_EX, &owner), 0);
  check_equal(owner.pid, 0);
  check_equal(fcntl(plain[0], F_GETSIG), SIGUSR1);
  checked = 1;
  pthread_join(thread, NULL);
}

static void play_async(void) {
  int ends[2];
  check_equal(pipe(ends), 0);
  handle(SIGUSR2);
  check_equal(fcntl(ends[0], F_SETOWN, getpid()) | fcntl(ends[0], F_SETSIG, SIGUSR2), 0);
  check_equal(fcntl(ends[0], F_SETFL, O_ASYNC | O_NONBLOCK), 0);
  ready();
  check_equal(number, 0);
  check_equal(fcntl(ends[0], F_GETFL), O_ASYNC | O_NONBLOCK);
  check_equal(write(ends[1], "x", 1), 1);
  check_told(SIGUSR2, ends[0]);
}

// The owner is a child; its own descriptor is the same description.
static void play_child(void) {
  int ends[2];
  check_equal(pipe(ends), 0);
  pid_t child = fork();
  if (child == 0) {
    handle(SIGRTMIN + 1);
    mark("handled");
    wait_release();
    await_mark("written");
    check_told(SIGRTMIN + 1, ends[0]);
    _exit(0);
  }
  await_mark("handled");
  check_equal(fcntl(ends[0], F_SETOWN, child) | fcntl(ends[0], F_SETSIG, SIGRTMIN + 1), 0);
  check_equal(fcntl(ends[0], F_SETFL, O_ASYNC), 0);
  ready();
  check_owner(ends[0], F_OWNER_PID, child, SIGRTMIN + 1);
  check_equal(write(ends[1], "x", 1), 1);
  mark("written");
  must_exit_well(child);
}

// Set by an ordinary user: the kernel asks that one's rights when it sends.
static void play_user(void) {
  int ends[2];
  check_equal(pipe(ends), 0);
  check_equal(seteuid(1234), 0);
  check_equal(fcntl(ends[0], F_SETOWN, getpid()), 0);
  check_equal(seteuid(0), 0);
  ready();
  uid_t ids[2];
  if (fcntl(ends[0], 17 /* F_GETOWNER_UIDS */, ids) < 0) skip("the kernel does not tell");
  check_equal(ids[0], 0);
  check_equal(ids[1], 1234);
  check_owner(ends[0], F_OWNER_PID, getpid(), 0);
}

int main(int argc, char **argv) {
  setup(argc, argv);
  play((struct test_case[]){{"kinds", play_kinds},
                            {"async", play_async},
                            {"child", play_child},
                            {"user", play_user},
                            {0}});
}

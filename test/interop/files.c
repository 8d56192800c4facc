// One of every file type that needs no namespace, in the directory where it runs: the very program of
// the golden set 'files'.
#define _GNU_SOURCE
#include <fcntl.h>
#include <pty.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <unistd.h>
int main(void) {
  int reg = open("regular", O_CREAT | O_RDWR | O_APPEND, 0640);
  (void)!write(reg, "regular file", 12);
  flock(reg, LOCK_EX);
  int ghost = open("ghost", O_CREAT | O_RDWR, 0600);
  (void)!write(ghost, "content of a deleted file", 25);
  unlink("ghost");
  int dir = open(".", O_DIRECTORY | O_RDONLY);
  (void)dir;
  mkfifo("fifo", 0600);
  int ff = open("fifo", O_RDWR | O_NONBLOCK);
  (void)!write(ff, "queued in the fifo", 18);
  int ev = eventfd(7, EFD_SEMAPHORE | EFD_NONBLOCK);
  int tf = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
  struct itimerspec its = { { 10, 0 }, { 3600, 0 } };
  timerfd_settime(tf, 0, &its, NULL);
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGUSR1);
  int sf = signalfd(-1, &set, 0);
  int in = inotify_init1(IN_NONBLOCK);
  inotify_add_watch(in, ".", IN_CREATE | IN_DELETE);
  int ep = epoll_create1(0);
  struct epoll_event e = { EPOLLIN, { .u64 = 0x1122334455667788 } };
  epoll_ctl(ep, EPOLL_CTL_ADD, ev, &e);
  epoll_ctl(ep, EPOLL_CTL_ADD, tf, &e);
  epoll_ctl(ep, EPOLL_CTL_ADD, sf, &e);
  int mf = memfd_create("golden", MFD_ALLOW_SEALING);
  (void)!ftruncate(mf, 8192);
  char *m = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, mf, 0);
  strcpy(m, "memfd content");
  fcntl(mf, F_ADD_SEALS, F_SEAL_GROW);
  char *s = mmap(NULL, 16384, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  strcpy(s, "shared anonymous content");
  char *g = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, ghost, 0);
  (void)g;
  int master, slave;
  openpty(&master, &slave, NULL, NULL, NULL);
  (void)!write(master, "typed\n", 6);
  for (;;)
    pause();
}

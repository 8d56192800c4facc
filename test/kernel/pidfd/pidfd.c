// pidfds: of oneself, a child, a parent, a zombie, and of processes that are gone.
#include <poll.h>

#include "woodfrog-test.h"

static int open_pidfd(pid_t pid, int flags) {
  int fd = syscall(SYS_pidfd_open, pid, flags);
  check(fd >= 0);
  return fd;
}

static void check_pid(int fd, pid_t wanted) {
  char path[64];
  snprintf(path, sizeof path, "/proc/self/fdinfo/%d", fd);
  check_equal(atoi(proc_line(path, "Pid:")), wanted);
}

static int has_ended(int fd) {
  struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
  return poll(&poll_fd, 1, 0) == 1;
}

static int send_signal(int fd, int sig) {
  return syscall(SYS_pidfd_send_signal, fd, sig, NULL, 0) == 0 ? 0 : -errno;
}

static unsigned long inode_of(int fd) {
  struct stat st;
  check_equal(fstat(fd, &st), 0);
  return st.st_ino;
}

static pid_t ends_with(int status) {
  pid_t child = fork();
  if (child == 0) _exit(status);
  return child;
}

static void play_living(void) {
  int self = open_pidfd(getpid(), 0);
  pid_t child = fork();
  if (child == 0) {
    int parent = open_pidfd(getppid(), 0);
    mark("child");
    wait_release();
    check_pid(parent, getppid());
    check_equal(send_signal(parent, 0), 0);
    for (;;) nap(1000);
  }
  await_mark("child");
  int fd = open_pidfd(child, O_NONBLOCK), again = open_pidfd(child, 0), twin = dup(fd);

  ready();

  check_equal(fcntl(fd, F_GETFL), O_RDWR | O_NONBLOCK);
  check_equal(fcntl(twin, F_GETFL), O_RDWR | O_NONBLOCK);
  check_equal(fcntl(again, F_GETFL), O_RDWR);
  check_equal(fcntl(self, F_GETFD), FD_CLOEXEC);
  check_pid(self, getpid());
  check_pid(fd, child);
  check_equal(inode_of(fd), inode_of(again));
  check(inode_of(fd) != inode_of(self));
  check(!has_ended(fd));
  check_equal(send_signal(fd, SIGKILL), 0);
  siginfo_t info;
  check_equal(waitid(P_PIDFD, again, &info, WEXITED), 0);
  check_equal(info.si_pid, child);
  check(has_ended(twin));
  check_pid(fd, -1);
}

static void play_gone(void) {
  pid_t first = ends_with(3), second = ends_with(4);
  int one = open_pidfd(first, 0), again = open_pidfd(first, O_NONBLOCK), two = open_pidfd(second, 0);
  must_exit_well(ends_with(0));
  check_equal(waitpid(first, NULL, 0), first);
  check_equal(waitpid(second, NULL, 0), second);

  ready();

  check_pid(one, -1);
  check_pid(again, -1);
  check(has_ended(one) && has_ended(two));
  check_equal(send_signal(one, 0), -ESRCH);
  check_equal(send_signal(two, SIGTERM), -ESRCH);
  check_equal(fcntl(one, F_GETFL), O_RDWR);
  check_equal(fcntl(again, F_GETFL), O_RDWR | O_NONBLOCK);
  check_equal(inode_of(one), inode_of(again));
  check(inode_of(one) != inode_of(two));
  siginfo_t info;
  check_equal(waitid(P_PIDFD, one, &info, WEXITED), -1);
  check_equal(errno, ECHILD);
}

static void play_zombie(void) {
  pid_t child = ends_with(5);
  int fd = open_pidfd(child, 0);
  while (!has_ended(fd)) nap(1);

  ready();

  check_pid(fd, child);
  check(has_ended(fd));
  siginfo_t info;
  check_equal(waitid(P_PIDFD, fd, &info, WEXITED), 0);
  check_equal(info.si_status, 5);
}

int main(int argc, char **argv) {
  setup(argc, argv);
  play((struct test_case[]){
      {"living", play_living}, {"gone", play_gone}, {"zombie", play_zombie}, {0}});
}

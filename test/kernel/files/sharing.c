// Descriptions that tasks have in common by other ways than fork(2), and the highest numbers there
// are.
#include <linux/kcmp.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "woodfrog-test.h"

static int same(pid_t a, int fd_a, pid_t b, int fd_b) {
  return syscall(SYS_kcmp, a, b, KCMP_FILE, fd_a, fd_b) == 0;
}

union control {
  char bytes[CMSG_SPACE(2 * sizeof(int))];
  struct cmsghdr align;
};

static struct msghdr message(struct iovec *data, union control *control) {
  return (struct msghdr){.msg_iov = data,
                         .msg_iovlen = 1,
                         .msg_control = control->bytes,
                         .msg_controllen = sizeof control->bytes};
}

static void give(int socket, int one, int two) {
  char byte = 'f';
  struct iovec data = {&byte, 1};
  union control control = {0};
  struct msghdr msg = message(&data, &control);
  struct cmsghdr *head = CMSG_FIRSTHDR(&msg);
  *head = (struct cmsghdr){CMSG_LEN(2 * sizeof(int)), SOL_SOCKET, SCM_RIGHTS};
  memcpy(CMSG_DATA(head), (int[]){one, two}, 2 * sizeof(int));
  check_equal(sendmsg(socket, &msg, 0), 1);
}

static void take(int socket, int *one, int *two) {
  char byte;
  struct iovec data = {&byte, 1};
  union control control;
  struct msghdr msg = message(&data, &control);
  check_equal(recvmsg(socket, &msg, MSG_CMSG_CLOEXEC), 1);
  int fds[2];
  memcpy(fds, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof fds);
  *one = fds[0], *two = fds[1];
}

// Two siblings: one opens, after the fork, what the other gets by SCM_RIGHTS under other numbers.
static void play_rights(void) {
  int pair[2], to_giver[2];
  check_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) | pipe(to_giver), 0);
  pid_t giver = fork();
  if (giver == 0) {
    int file = open("data", O_CREAT | O_RDWR, 0600), ends[2];
    check_equal(write(file, "0123456789", 10), 10);
    check_equal(lseek(file, 4, SEEK_SET), 4);
    check_equal(pipe(ends), 0);
    check(dup2(file, 100) == 100 && dup2(ends[0], 101) == 101);
    close(file), close(ends[0]);
    check_equal(write(ends[1], "pipe", 4), 4);
    give(pair[0], 100, 101);
    close(pair[0]), close(pair[1]), close(to_giver[1]);
    mark("given");
    wait_release();
    char byte;
    // The parent says that the other has looked.
    check_equal(read(to_giver[0], &byte, 1), 1);
    check_equal(lseek(100, 0, SEEK_CUR), 6);
    check_equal(write(ends[1], "!", 1), 1);
    close(ends[1]);
    mark("written");
    check_equal(read(to_giver[0], &byte, 1), 0);
    _exit(0);
  }
  pid_t taker = fork();
  if (taker == 0) {
    int file, end, other = open("/dev/null", O_RDONLY);
    take(pair[1], &file, &end);
    close(pair[0]), close(pair[1]), close(to_giver[0]), close(to_giver[1]);
    int apart = open("data", O_RDWR);
    check(dup2(file, 200) == 200 && dup2(end, 201) == 201 && dup2(apart, 202) == 202);
    close(file), close(end), close(apart), close(other);
    mark("taken");
    wait_release();
    await_mark("looked");
    check_equal(lseek(202, 0, SEEK_CUR), 0);
    char text[16] = {0};
    check_equal(read(200, text, 2), 2);
    check_text(text, "45");
    mark("read");
    await_mark("written");
    memset(text, 0, sizeof text);
    check_equal(read(201, text, 15), 5);
    check_text(text, "pipe!");
    _exit(0);
  }
  close(pair[0]), close(pair[1]), close(to_giver[0]);
  await_mark("given");
  await_mark("taken");
  ready();
  check(same(giver, 100, taker, 200) && same(giver, 101, taker, 201));
  check(!same(giver, 100, taker, 202));
  mark("looked");
  await_mark("read");
  check_equal(write(to_giver[1], "r", 1), 1);
  must_exit_well(taker);
  close(to_giver[1]);
  must_exit_well(giver);
}

// The kernel's limit where it can be had, else the one given.
static long raise_limit(void) {
  FILE *file = fopen("/proc/sys/fs/nr_open", "re");
  long most;
  check(file != NULL && fscanf(file, "%ld", &most) == 1);
  fclose(file);
  struct rlimit limit = {most, most};
  if (setrlimit(RLIMIT_NOFILE, &limit) == 0) return most;
  check_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
  limit.rlim_cur = limit.rlim_max;
  check_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
  return limit.rlim_cur;
}

// The last number there can be, and the last but one.
static void play_highest(void) {
  long most = raise_limit();
  struct rlimit limit;
  int file = open("data", O_CREAT | O_RDWR, 0600), other = open("data", O_RDONLY | O_CLOEXEC);
  check_equal(dup2(file, most - 1), most - 1);
  check_equal(dup3(other, most - 2, O_CLOEXEC), most - 2);
  check_equal(write(file, "content", 7), 7);
  close(other);
  // In between, where one may look for room.
  check_equal(dup2(file, 1000), 1000);
  check_equal(dup2(file, most / 2), most / 2);
  pid_t child = fork();
  if (child == 0) {
    wait_release();
    await_mark("parent");
    check_equal(lseek(most - 1, 0, SEEK_CUR), 2);
    _exit(0);
  }
  ready();
  check(same(getpid(), file, getpid(), most - 1) && same(getpid(), file, child, most - 1));
  check(same(getpid(), file, child, 1000) && same(getpid(), file, child, most / 2));
  check(same(getpid(), most - 2, child, most - 2) && !same(getpid(), file, child, most - 2));
  check_equal(fcntl(most - 2, F_GETFD), FD_CLOEXEC);
  check_equal(fcntl(most - 3, F_GETFD), -1);
  check_equal(lseek(most - 1, 2, SEEK_SET), 2);
  check_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
  check_equal(limit.rlim_cur, most);
  mark("parent");
  must_exit_well(child);
  check_equal(open("data", O_RDONLY), file + 1);
}

int main(int argc, char **argv) {
  setup(argc, argv);
  play((struct test_case[]){{"rights", play_rights}, {"highest", play_highest}, {0}});
}

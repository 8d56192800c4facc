// Descriptors without a file: event, polling, notification, tracing and ring objects.
#include <linux/bpf.h>
#include <linux/io_uring.h>
#include <linux/perf_event.h>
#include <linux/userfaultfd.h>
#include <mqueue.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/fanotify.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>

#include "woodfrog-test.h"

static void play_epoll_outside(void) {
  int fd = epoll_create1(EPOLL_CLOEXEC), target = eventfd(1, 0);
  struct epoll_event event = {.events = EPOLLIN, .data.u64 = 77}, got;
  check_equal(epoll_ctl(fd, EPOLL_CTL_ADD, target, &event), 0);
  pid_t child = fork();
  if (child == 0) {
    if (fork() != 0) _exit(0);
    close(fd), close(0), close(1), close(2);
    wait_release(); // keeps the target open, and is nobody's child
    _exit(0);
  }
  must_exit_well(child);
  close(target);
  ready();
  int count = epoll_wait(fd, &got, 1, 0);
  check(count == 0 || got.data.u64 == 77);
}

static void play_inotify_deleted(void) {
  int fd = inotify_init1(IN_NONBLOCK), file = open("watched", O_CREAT | O_RDWR, 0600);
  check(inotify_add_watch(fd, "watched", IN_MODIFY) > 0);
  pid_t child = fork();
  if (child == 0) {
    if (fork() != 0) _exit(0);
    close(fd), close(0), close(1), close(2);
    wait_release(); // keeps the file open, and is nobody's child
    _exit(0);
  }
  must_exit_well(child);
  close(file);
  check_equal(unlink("watched"), 0);
  ready();
  check_equal(fcntl(fd, F_GETFD), 0);
}

static void play_fanotify_unread(void) {
  int fd = fanotify_init(FAN_CLASS_NOTIF | FAN_NONBLOCK, O_RDONLY);
  if (fd < 0) skip("no fanotify here");
  int watched = open("watched", O_CREAT | O_RDWR, 0600);
  check_equal(fanotify_mark(fd, FAN_MARK_ADD, FAN_MODIFY, AT_FDCWD, "watched"), 0);
  check_equal(write(watched, "x", 1), 1);
  ready();
  char events[4096];
  check(read(fd, events, sizeof events) > 0);
}

static void play_fanotify_permission(void) {
  int fd = fanotify_init(FAN_CLASS_CONTENT | FAN_NONBLOCK, O_RDONLY);
  int watched = open("watched", O_CREAT | O_RDWR, 0600);
  if (fd < 0 || fanotify_mark(fd, FAN_MARK_ADD, FAN_OPEN_PERM, AT_FDCWD, "watched") != 0) skip("no fanotify here");
  ready();
  check(fcntl(fd, F_GETFD) == 0 && fcntl(watched, F_GETFD) == 0);
}

static void play_pidfd_outside(void) {
  int fd = syscall(SYS_pidfd_open, getppid(), 0);
  check(fd >= 0);
  ready();
  check_equal(syscall(SYS_pidfd_send_signal, fd, 0, NULL, 0), 0);
}

static void *idle(void *tid) {
  *(volatile pid_t *)tid = gettid();
  wait_release();
  return NULL;
}

static void play_pidfd_thread(void) {
  pthread_t thread;
  volatile pid_t tid = 0;
  check_equal(pthread_create(&thread, NULL, idle, (void *)&tid), 0);
  while (tid == 0) nap(1);
  int fd = syscall(SYS_pidfd_open, tid, O_EXCL /* PIDFD_THREAD */);
  if (fd < 0) skip("no pidfds of threads here");
  ready();
  check_equal(pthread_join(thread, NULL), 0);
}

static void play_memfd_executable(void) {
  if (getenv("FROM_MEMFD") == NULL) {
    int self = open("/proc/self/exe", O_RDONLY), copy = memfd_create("program", MFD_CLOEXEC);
    while (sendfile(copy, self, NULL, 1 << 20) > 0) {
    }
    setenv("FROM_MEMFD", "1", 1);
    char *arguments[] = {"program", (char *)release_path, (char *)test_case, NULL};
    fexecve(copy, arguments, environ);
    fail("fexecve: %s", strerrorname_np(errno));
  }
  ready();
}

static void play_secretmem(void) {
  int fd = syscall(447 /* memfd_secret */, 0);
  if (fd < 0) skip("memfd_secret is off");
  check_equal(ftruncate(fd, PAGE), 0);
  char *map = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  check(map != MAP_FAILED);
  strcpy(map, "secret");
  ready();
  check_text(map, "secret");
}

static void play_userfaultfd(void) {
  int fd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) skip("no userfaultfd here");
  struct uffdio_api api = {.api = UFFD_API};
  check_equal(ioctl(fd, UFFDIO_API, &api), 0);
  char *area = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  struct uffdio_register range = {.range = {(unsigned long)area, 4 * PAGE},
                                  .mode = UFFDIO_REGISTER_MODE_MISSING};
  check_equal(ioctl(fd, UFFDIO_REGISTER, &range), 0);
  ready();
  check_equal(ioctl(fd, UFFDIO_UNREGISTER, &range.range), 0);
}

static void play_io_uring(void) {
  struct io_uring_params params = {0};
  int fd = syscall(SYS_io_uring_setup, 8, &params);
  if (fd < 0) skip("io_uring is off");
  ready();
  check_equal(syscall(SYS_io_uring_enter, fd, 0, 0, 0, NULL, 0), 0);
}

static void play_perf(void) {
  struct perf_event_attr attr = {
      .type = PERF_TYPE_SOFTWARE, .size = sizeof attr, .config = PERF_COUNT_SW_CPU_CLOCK};
  int fd = syscall(SYS_perf_event_open, &attr, 0, -1, -1, 0);
  if (fd < 0) skip("no perf events here");
  ready();
  uint64_t count;
  check_equal(read(fd, &count, 8), 8);
}

static int make_map(int type) {
  union bpf_attr attr = {.map_type = type, .key_size = 4, .value_size = 8, .max_entries = 4};
  int fd = syscall(SYS_bpf, BPF_MAP_CREATE, &attr, sizeof attr);
  if (fd < 0) skip("no bpf(2) here");
  return fd;
}

// return 0, having looked at a map
static int load_program(int map) {
  struct bpf_insn code[] = {
      {.code = BPF_LD | BPF_IMM | BPF_DW, .dst_reg = 1, .src_reg = BPF_PSEUDO_MAP_FD, .imm = map},
      {0},
      {.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0},
      {.code = BPF_JMP | BPF_EXIT},
  };
  union bpf_attr attr = {.prog_type = BPF_PROG_TYPE_SOCKET_FILTER,
                         .insns = (uintptr_t)code,
                         .insn_cnt = 4,
                         .license = (uintptr_t) "GPL"};
  int fd = syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof attr);
  if (fd < 0) skip("no BPF programs here");
  return fd;
}

static void play_bpf_map(void) {
  int fd = make_map(BPF_MAP_TYPE_LRU_HASH);
  uint32_t key = 2;
  uint64_t value = 99, found = 0;
  union bpf_attr update = {.map_fd = fd, .key = (uintptr_t)&key, .value = (uintptr_t)&value};
  check_equal(syscall(SYS_bpf, BPF_MAP_UPDATE_ELEM, &update, sizeof update), 0);
  ready();
  update.value = (uintptr_t)&found;
  check_equal(syscall(SYS_bpf, BPF_MAP_LOOKUP_ELEM, &update, sizeof update), 0);
  check_equal(found, 99);
}

static void play_bpf_map_used(void) {
  int fd = make_map(BPF_MAP_TYPE_ARRAY), program = load_program(fd);
  pid_t child = fork();
  if (child == 0) {
    if (fork() != 0) _exit(0);
    close(fd), close(0), close(1), close(2);
    wait_release(); // keeps the program, and is nobody's child
    _exit(0);
  }
  must_exit_well(child);
  close(program);
  ready();
  check_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
}

static void play_bpf_program(void) {
  int map = make_map(BPF_MAP_TYPE_ARRAY), program = load_program(map);
  close(map);
  ready();
  check_equal(fcntl(program, F_GETFD), FD_CLOEXEC);
}

static void play_mqueue(void) {
  char name[64];
  snprintf(name, sizeof name, "/woodfrog-test-%d", getpid());
  mqd_t queue = mq_open(name, O_CREAT | O_RDWR, 0600, NULL);
  if (queue < 0) skip("no message queues here");
  mq_unlink(name);
  check_equal(mq_send(queue, "hello", 5, 1), 0);
  ready();
  char text[8192];
  check_equal(mq_receive(queue, text, sizeof text, NULL), 5);
}

static void play_fs_context(void) {
  int fd = syscall(430 /* fsopen */, "tmpfs", 0);
  if (fd < 0) skip("no fsopen(2) here");
  ready();
  check(fcntl(fd, F_GETFD) >= 0);
}

int main(int argc, char **argv) {
  setup(argc, argv);
  play((struct test_case[]){{"epoll-outside", play_epoll_outside},
                            {"inotify-deleted", play_inotify_deleted},
                            {"fanotify-unread", play_fanotify_unread},
                            {"fanotify-permission", play_fanotify_permission},
                            {"pidfd-outside", play_pidfd_outside},
                            {"pidfd-thread", play_pidfd_thread},
                            {"memfd-executable", play_memfd_executable},
                            {"secretmem", play_secretmem},
                            {"userfaultfd", play_userfaultfd},
                            {"io_uring", play_io_uring},
                            {"perf", play_perf},
                            {"bpf-map", play_bpf_map},
                            {"bpf-map-used", play_bpf_map_used},
                            {"bpf-program", play_bpf_program},
                            {"mqueue", play_mqueue},
                            {"fs-context", play_fs_context},
                            {0}});
}

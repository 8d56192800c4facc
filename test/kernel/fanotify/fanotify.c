// fanotify: marks of files, directories, a mount and a file system, with ignored events, in two groups.
#include <sys/fanotify.h>
#include <sys/statvfs.h>

#include "woodfrog-test.h"

static char program[64];

static void touch(const char *path) {
  int fd = open(path, O_CREAT | O_WRONLY | O_APPEND, 0600);
  check(fd >= 0);
  check_equal(write(fd, "x", 1), 1);
  close(fd);
}

static void watch(int fd, unsigned flags, uint64_t mask, const char *path) {
  check_equal(fanotify_mark(fd, FAN_MARK_ADD | flags, mask, AT_FDCWD, path), 0);
}

// The next event, which must be of this file; the bits of others' files do not count.
static uint64_t event_of(int fd, const char *end) {
  for (;;) {
    char buffer[4096] __attribute__((aligned(8))), path[64], target[4096] = {0};
    struct fanotify_event_metadata *event = (void *)buffer;
    ssize_t length = read(fd, buffer, FAN_EVENT_METADATA_LEN);
    check_equal(length, FAN_EVENT_METADATA_LEN);
    check(event->fd >= 0);
    snprintf(path, sizeof path, "/proc/self/fd/%d", event->fd);
    check(readlink(path, target, sizeof target - 1) > 0);
    check_equal(fcntl(event->fd, F_GETFL) & (O_ACCMODE | O_NOATIME), O_RDONLY | O_NOATIME);
    close(event->fd);
    size_t from = strlen(target) - strlen(end);
    if (strcmp(target + from, end) == 0) return event->mask;
  }
}

static void run(const char *path) {
  pid_t child = fork();
  if (child == 0) {
    execl(path, path, NULL);
    _exit(1);
  }
  must_exit_well(child);
}

static void make_program(void) {
  int from = open("/bin/true", O_RDONLY), to = open(program, O_CREAT | O_TRUNC | O_WRONLY, 0700);
  check(from >= 0 && to >= 0);
  static char bytes[1 << 20];
  for (ssize_t count; (count = read(from, bytes, sizeof bytes)) > 0;) check_equal(write(to, bytes, count), count);
  close(from), close(to);
}

int main(int argc, char **argv) {
  setup(argc, argv);
  snprintf(program, sizeof program, "/dev/shm/fanotify-test-%d", getpid());
  int fd = fanotify_init(FAN_CLASS_NOTIF | FAN_CLOEXEC | FAN_NONBLOCK, O_RDONLY | O_NOATIME | O_LARGEFILE);
  if (fd < 0) skip("no fanotify here");
  int wide = fanotify_init(FAN_CLASS_NOTIF | FAN_NONBLOCK | FAN_REPORT_FID, 0);
  touch("f"), touch("ignored");
  check_equal(mkdir("d", 0700), 0);
  watch(fd, 0, FAN_MODIFY | FAN_CLOSE_WRITE, "f");
  watch(fd, FAN_MARK_IGNORED_MASK | FAN_MARK_IGNORED_SURV_MODIFY, FAN_CLOSE_WRITE, "f");
  watch(fd, 0, FAN_OPEN | FAN_ONDIR | FAN_EVENT_ON_CHILD, "d");
  touch("d/child");
  while (event_of(fd, "d/child") != FAN_OPEN) {
  }
  struct statvfs shm;
  int can_run = strcmp(test_case, "wide") == 0 && statvfs("/dev/shm", &shm) == 0 && !(shm.f_flag & ST_NOEXEC);
  if (can_run) {
    make_program();
    watch(fd, FAN_MARK_MOUNT, FAN_OPEN_EXEC, "/dev/shm");
    watch(wide, FAN_MARK_FILESYSTEM, FAN_OPEN_EXEC, "/dev/shm");
  } else if (strcmp(test_case, "wide") == 0) {
    skip("nothing runs in /dev/shm");
  }

  ready();

  check_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
  check_equal(fcntl(fd, F_GETFL) & O_NONBLOCK, O_NONBLOCK);
  char buffer[4096];
  check_equal(read(fd, buffer, sizeof buffer), -1);
  check_equal(errno, EAGAIN);
  touch("f");
  check_equal(event_of(fd, "/f"), FAN_MODIFY);
  touch("d/child");
  check_equal(event_of(fd, "d/child"), FAN_OPEN);
  close(open("d", O_RDONLY));
  check_equal(event_of(fd, "/d"), FAN_OPEN);
  if (can_run) {
    run(program);
    check_equal(event_of(fd, program), FAN_OPEN_EXEC);
    check(read(wide, buffer, sizeof buffer) > (ssize_t)FAN_EVENT_METADATA_LEN);
    unlink(program);
  }
  check_equal(fanotify_mark(fd, FAN_MARK_REMOVE, FAN_MODIFY, AT_FDCWD, "f"), 0);
  touch("f");
  check_equal(read(fd, buffer, sizeof buffer), -1);
  pass();
}

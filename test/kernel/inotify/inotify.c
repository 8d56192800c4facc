// inotify: watches of files and directories by number, with gaps between the numbers, one-shot ones, one instance shared.
#include <sys/inotify.h>

#include "woodfrog-test.h"

static char events[65536];

static void check_event(struct inotify_event **at, int wd, uint32_t mask, const char *name) {
  check_equal((*at)->wd, wd);
  check_equal((*at)->mask, mask);
  check_text((*at)->len > 0 ? (*at)->name : "", name);
  *at = (struct inotify_event *)((char *)(*at + 1) + (*at)->len);
}

static void touch(const char *path) {
  int fd = open(path, O_CREAT | O_WRONLY | O_APPEND, 0600);
  check(fd >= 0);
  check_equal(write(fd, "x", 1), 1);
  close(fd);
}

int main(int argc, char **argv) {
  setup(argc, argv);
  check_equal(mkdir("d", 0700), 0);
  check_equal(mkdir("d/deep", 0700), 0);
  check_equal(mkdir("from", 0700), 0);
  touch("f");
  touch("from/renamed");
  check_equal(symlink("f", "link"), 0);
  int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK), empty = inotify_init();
  // Numbers that are gone: more of them than fit one look at the queue.
  for (int i = 1; i <= 2300; i++) {
    check_equal(inotify_add_watch(fd, "d", IN_CREATE), i);
    check_equal(inotify_rm_watch(fd, i), 0);
    check(read(fd, events, sizeof events) > 0);
  }
  int directory = inotify_add_watch(fd, "d/deep", IN_CREATE | IN_DELETE | IN_ONLYDIR);
  int gap = inotify_add_watch(fd, "from", IN_ACCESS);
  check_equal(inotify_rm_watch(fd, gap), 0);
  check(read(fd, events, sizeof events) > 0);
  int file = inotify_add_watch(fd, "f", IN_MODIFY);
  int once = inotify_add_watch(fd, "from/renamed", IN_ATTRIB | IN_ONESHOT);
  // A symbolic link itself, or a plain file.
  const char *end_name = strcmp(test_case, "link") == 0 ? "link" : "d/end";
  touch("d/end");
  int end = inotify_add_watch(fd, end_name, IN_DELETE_SELF | IN_DONT_FOLLOW);
  check_equal(rename("from/renamed", "d/renamed"), 0);
  while (read(fd, events, sizeof events) > 0) {
  }
  pid_t child = fork();
  if (child == 0) {
    wait_release();
    touch("d/deep/by-child");
    _exit(0);
  }

  ready();

  must_exit_well(child);
  check_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
  check_equal(fcntl(fd, F_GETFL), O_RDONLY | O_NONBLOCK);
  check_equal(fcntl(empty, F_GETFL), O_RDONLY);
  check_equal(file, directory + 2);
  touch("f");
  check_equal(chmod("d/renamed", 0640), 0);
  check_equal(chmod("d/renamed", 0600), 0);
  check_equal(unlink("d/deep/by-child"), 0);
  check_equal(unlink(end_name), 0);
  ssize_t length = read(fd, events, sizeof events);
  check(length > 0);
  struct inotify_event *at = (struct inotify_event *)events;
  check_event(&at, directory, IN_CREATE, "by-child");
  check_event(&at, file, IN_MODIFY, "");
  check_event(&at, once, IN_ATTRIB, "");
  check_event(&at, once, IN_IGNORED, "");
  check_event(&at, directory, IN_DELETE, "by-child");
  check_event(&at, end, IN_DELETE_SELF, "");
  check_event(&at, end, IN_IGNORED, "");
  check_equal((char *)at - events, length);
  check_equal(read(fd, events, sizeof events), -1);
  check_equal(errno, EAGAIN);
  // The next number follows.
  check_equal(inotify_add_watch(fd, ".", IN_CREATE), end + 1);
  check_equal(inotify_add_watch(empty, ".", IN_CREATE), 1);
  pass();
}

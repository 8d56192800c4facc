// inotify and fanotify watch files that have no name any more, or not the one they were watched by.
#include <sys/fanotify.h>
#include <sys/inotify.h>

#include "woodfrog-test.h"

static int make(const char *path) {
  int fd = open(path, O_CREAT | O_RDWR, 0600);
  check(fd >= 0);
  return fd;
}

static char events[4096] __attribute__((aligned(8)));

static void check_event(int fd, int wd, uint32_t mask) {
  struct inotify_event *event = (struct inotify_event *)events;
  check_equal(read(fd, events, sizeof *event), sizeof *event);
  check_equal(event->wd, wd);
  check_equal(event->mask, mask);
}

int main(int argc, char **argv) {
  setup(argc, argv);
  int fd = inotify_init1(IN_NONBLOCK), marks = fanotify_init(FAN_CLASS_NOTIF | FAN_NONBLOCK, O_RDONLY);
  if (marks < 0) skip("no fanotify here");
  check_equal(inotify_add_watch(fd, ".", IN_MOVE_SELF), 1);
  int gone = make("gone"), linked = make("linked");
  check_equal(mkdir("d", 0700), 0);
  int folder = open("d", O_RDONLY | O_DIRECTORY);
  check_equal(link("linked", "other"), 0);
  int on_gone = inotify_add_watch(fd, "gone", IN_MODIFY | IN_DELETE_SELF);
  int on_linked = inotify_add_watch(fd, "linked", IN_MODIFY);
  int on_folder = inotify_add_watch(fd, "d", IN_DELETE_SELF);
  check_equal(fanotify_mark(marks, FAN_MARK_ADD, FAN_MODIFY, AT_FDCWD, "gone"), 0);
  check_equal(unlink("gone"), 0);
  check_equal(unlink("linked"), 0);
  check_equal(rmdir("d"), 0);
  close(linked);
  while (read(fd, events, sizeof events) > 0) {
  }
  // Open in a child alone.
  pid_t child = fork();
  if (child == 0) {
    wait_release();
    check_equal(write(gone, "child", 5), 5);
    _exit(0);
  }
  close(gone);

  ready();

  must_exit_well(child);
  check_event(fd, on_gone, IN_MODIFY);
  struct fanotify_event_metadata *event = (void *)events;
  check(read(marks, events, sizeof events) == FAN_EVENT_METADATA_LEN && event->mask == FAN_MODIFY);
  char text[6] = {0};
  check_equal(pread(event->fd, text, 5, 0), 5);
  check_text(text, "child");
  close(event->fd);
  check_event(fd, on_gone, IN_DELETE_SELF);
  check_event(fd, on_gone, IN_IGNORED);
  linked = make("other");
  check_equal(write(linked, "x", 1), 1);
  check_event(fd, on_linked, IN_MODIFY);
  close(folder);
  check_event(fd, on_folder, IN_DELETE_SELF);
  check_event(fd, on_folder, IN_IGNORED);
  check_equal(read(fd, events, sizeof events), -1);
  pass();
}

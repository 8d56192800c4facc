// inotify: events that wait to be read. After a restore the program is told that some are lost, and of what comes then.
#include <sys/inotify.h>

#include "woodfrog-test.h"

static char events[65536];

// The test leaves this file when it has restored the program.
static int is_restored(void) { return access("restored", F_OK) == 0; }

static void make(const char *path) { close(open(path, O_CREAT | O_WRONLY, 0600)); }

int main(int argc, char **argv) {
  setup(argc, argv);
  check_equal(mkdir("d", 0700), 0);
  int fd = inotify_init1(IN_NONBLOCK);
  int wd = inotify_add_watch(fd, "d", IN_CREATE);
  make("d/first");
  make("d/second");

  ready();

  struct inotify_event *event = (struct inotify_event *)events;
  if (is_restored()) {
    check_equal(read(fd, events, sizeof events), sizeof *event);
    check_equal(event->wd, -1);
    check_equal(event->mask, IN_Q_OVERFLOW);
  } else {
    check_equal(read(fd, events, sizeof events), 2 * (sizeof *event + 16));
    check_text(event->name, "first");
  }
  check_equal(read(fd, events, sizeof events), -1);
  check_equal(errno, EAGAIN);
  make("d/third");
  check_equal(read(fd, events, sizeof events), sizeof *event + 16);
  check_equal(event->wd, wd);
  check_equal(event->mask, IN_CREATE);
  check_text(event->name, "third");
  pass();
}

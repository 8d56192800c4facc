// Open files that have no name any more, belong to something outside, or carry state beyond
// position and flags.
#include <linux/if_tun.h>
#include <net/if.h>
#include <pty.h>
#include <sys/ioctl.h>
#include <sys/mount.h>

#include "woodfrog-test.h"

static void check_content(int fd) {
  char text[8] = {0};
  check_equal(pread(fd, text, 7, 0), 7);
  check_text(text, "content");
}

static int content_file(const char *name, int flags) {
  int fd = open(name, O_CREAT | O_RDWR | flags, 0600);
  check(fd >= 0);
  check_equal(write(fd, "content", 7), 7);
  return fd;
}

static void play_deleted_large(void) {
  int fd = content_file("deleted", 0);
  char *data = calloc(1, 2 << 20);
  check_equal(pwrite(fd, data, 2 << 20, 7), 2 << 20);
  check_equal(unlink("deleted"), 0);
  ready();
  check_content(fd);
}

static void play_deleted_linked(void) {
  int fd = content_file("one", 0);
  check_equal(link("one", "two"), 0);
  check_equal(unlink("one"), 0);
  ready();
  check_content(fd);
}

static void play_owner_outside(void) {
  int ends[2];
  check_equal(pipe(ends), 0);
  check_equal(fcntl(ends[0], F_SETOWN, getppid()), 0);
  ready();
  check_equal(fcntl(ends[0], F_GETOWN), getppid());
}

// A process outside the tree: its parent ends, and it becomes somebody else's. Ends when released.
static void stranger(const char *label) {
  pid_t child = fork();
  if (child == 0) {
    setsid();
    if (fork() == 0) {
      mark(label);
      wait_release();
      nap(300);
    }
    _exit(0);
  }
  must_exit_well(child);
  await_mark(label);
}

static void play_pipe_outside(void) {
  int ends[2];
  check_equal(pipe(ends), 0);
  stranger("has-the-pipe");
  close(ends[1]);
  ready();
  char byte;
  check_equal(fcntl(ends[0], F_SETFL, O_NONBLOCK), 0);
  // The stranger lives on with its end: neither data nor end of file.
  check_equal(read(ends[0], &byte, 1), -1);
  check_equal(errno, EAGAIN);
}

static void play_pipe_read_outside(void) {
  int ends[2];
  check_equal(pipe(ends), 0);
  stranger("has-the-pipe");
  close(ends[0]);
  ready();
  check_equal(write(ends[1], "x", 1), 1);
}

static void play_fifo_outside(void) {
  check_equal(mkfifo("fifo", 0600), 0);
  int both = open("fifo", O_RDWR);
  stranger("has-the-fifo");
  int reader = open("fifo", O_RDONLY | O_NONBLOCK);
  close(both);
  ready();
  char byte;
  check_equal(read(reader, &byte, 1), -1);
  check_equal(errno, EAGAIN);
}

static void check_open_proc(const char *path, const char *begins) {
  int fd = open(path, O_RDONLY);
  char text[16] = {0};
  check(fd >= 0);
  ready();
  check(pread(fd, text, strlen(begins), 0) > 0);
  check_text(text, begins);
}

static void play_proc_outside(void) { check_open_proc("/proc/1/status", "Name:"); }

static void *idle(void *path) {
  snprintf(path, 64, "/proc/self/task/%d/status", gettid());
  mark("thread");
  wait_release();
  nap(300);
  return NULL;
}

static void play_proc_thread(void) {
  char path[64];
  pthread_t thread;
  pthread_create(&thread, NULL, idle, path);
  await_mark("thread");
  check_open_proc(path, "Name:");
}

static void play_proc_fdinfo(void) { check_open_proc("/proc/self/fdinfo/1", "pos:"); }

static void play_pressure(void) {
  int fd = open("/proc/pressure/memory", O_RDWR | O_NONBLOCK);
  if (fd < 0) skip("no pressure here");
  ready();
  check(fcntl(fd, F_GETFL) >= 0);
}

static void play_namespace_file(void) {
  int fd = open("/proc/self/ns/net", O_RDONLY);
  check(fd >= 0);
  ready();
  check_equal(ioctl(fd, 0xb703 /* NS_GET_NSTYPE */), 0x40000000);
}

static void device(const char *name, int flags) {
  int fd = open(name, flags);
  if (fd < 0) skip("this device cannot be opened here");
  ready();
  check(fcntl(fd, F_GETFL) >= 0);
}
static void play_tun(void) {
  int fd = open("/dev/net/tun", O_RDWR);
  struct ifreq request = {.ifr_flags = IFF_TUN | IFF_NO_PI, .ifr_name = "wfrefused%d"};
  if (fd < 0 || ioctl(fd, TUNSETIFF, &request) != 0) skip("no tun devices here");
  ready();
  check_equal(ioctl(fd, TUNGETIFF, &request), 0);
}
static void play_fuse(void) { device("/dev/fuse", O_RDWR); }
static void play_kmsg(void) { device("/dev/kmsg", O_RDONLY); }
static void play_block(void) {
  int fd = open("/dev/loop0", O_RDONLY);
  if (fd < 0) fd = open("/dev/vda", O_RDONLY);
  if (fd < 0) fd = open("/dev/sda", O_RDONLY);
  if (fd < 0) skip("no block device here");
  ready();
  check(fcntl(fd, F_GETFL) >= 0);
}

// Gives a descriptor away, to a process outside the tree that ends soon after us.
static void give_away(int fd, int not_this) {
  pid_t root = getpid(), child = fork();
  check(child >= 0);
  if (child == 0) {
    if (fork() != 0) _exit(0);
    setsid();
    close(not_this);
    while (kill(root, 0) == 0) nap(50);
    _exit(0);
  }
  must_exit_well(child);
  close(fd);
}

static void play_terminal_outside(void) {
  int master, slave;
  check_equal(openpty(&master, &slave, NULL, NULL, NULL), 0);
  give_away(master, slave);
  ready();
  check(isatty(slave));
}

static void play_controlling_closed(void) {
  int master, slave;
  check_equal(openpty(&master, &slave, NULL, NULL, NULL), 0);
  check_equal(ioctl(slave, TIOCSCTTY, 0), 0);
  give_away(master, slave);
  close(slave);
  ready();
}

// A process that has left its session with /dev/tty open.
static void play_tty_of_another(void) {
  int master, slave;
  check_equal(openpty(&master, &slave, NULL, NULL, NULL), 0);
  check_equal(ioctl(slave, TIOCSCTTY, 0), 0);
  pid_t child = fork();
  check(child >= 0);
  if (child == 0) {
    int own = open("/dev/tty", O_RDWR);
    check(own >= 0);
    check_equal(setsid(), getpid());
    mark("left");
    wait_release();
    check_equal(write(own, "x", 1), 1);
    _exit(0);
  }
  await_mark("left");
  ready();
  must_exit_well(child);
}

// The master has not been told yet that its slave threw input away.
static void play_status_unread(void) {
  int master, slave, on = 1;
  check_equal(openpty(&master, &slave, NULL, NULL, NULL), 0);
  check_equal(ioctl(master, TIOCPKT, &on), 0);
  check_equal(tcflush(slave, TCIFLUSH), 0);
  ready();
  char status;
  check_equal(read(master, &status, 1), 1);
  check_equal(status, TIOCPKT_FLUSHREAD);
}

static void play_detached_mount(void) {
  check_equal(mkdir("mounted", 0700), 0);
  if (mount("none", "mounted", "tmpfs", 0, "size=1m") != 0) skip("cannot mount here");
  int fd = content_file("mounted/file", 0);
  check_equal(umount2("mounted", MNT_DETACH), 0);
  ready();
  check_content(fd);
}

int main(int argc, char **argv) {
  setup(argc, argv);
  play((struct test_case[]){{"deleted-large", play_deleted_large},
                            {"deleted-linked", play_deleted_linked},
                            {"owner-outside", play_owner_outside},
                            {"pipe-outside", play_pipe_outside},
                            {"pipe-read-outside", play_pipe_read_outside},
                            {"fifo-outside", play_fifo_outside},
                            {"proc-outside", play_proc_outside},
                            {"proc-thread", play_proc_thread},
                            {"proc-fdinfo", play_proc_fdinfo},
                            {"pressure", play_pressure},
                            {"namespace-file", play_namespace_file},
                            {"tun", play_tun},
                            {"fuse", play_fuse},
                            {"kmsg", play_kmsg},
                            {"block", play_block},
                            {"terminal-outside", play_terminal_outside},
                            {"controlling-closed", play_controlling_closed},
                            {"tty-of-another", play_tty_of_another},
                            {"status-unread", play_status_unread},
                            {"detached-mount", play_detached_mount},
                            {0}});
}

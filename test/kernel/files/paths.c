// Descriptors that are only a path (O_PATH), of files of every type.
#include <sys/socket.h>
#include <sys/sysmacros.h>
#include <sys/un.h>

#include "woodfrog-test.h"

static int path_of(const char *name, int flags) {
  int fd = open(name, O_PATH | flags);
  if (fd < 0) fail("open of %s: %s", name, strerrorname_np(errno));
  return fd;
}

static void check_path(int fd, mode_t type, int flags) {
  struct stat st;
  check_equal(fstat(fd, &st), 0);
  check_equal(st.st_mode & S_IFMT, type);
  check_equal(fcntl(fd, F_GETFL) & (O_PATH | O_NOFOLLOW | O_DIRECTORY), O_PATH | flags);
  char byte;
  check_equal(read(fd, &byte, 1), -1);
  check_equal(errno, EBADF);
}

static void check_target(int fd, const char *wanted) {
  char target[64] = {0};
  check_equal(readlinkat(fd, "", target, sizeof target - 1), strlen(wanted));
  check_text(target, wanted);
}

static void play_types(void) {
  struct sockaddr_un address = {AF_UNIX, "socket"};
  int bound = socket(AF_UNIX, SOCK_STREAM, 0);
  check_equal(bind(bound, (void *)&address, sizeof address), 0);
  close(bound);
  check_equal(mkfifo("fifo", 0600) | mkdir("folder", 0700), 0);
  close(open("file", O_CREAT | O_WRONLY, 0600));
  check_equal(symlink("file", "link") | symlink("nowhere", "dangling"), 0);
  int file = path_of("file", O_CLOEXEC), folder = path_of("folder", 0);
  int fifo = path_of("fifo", 0), sock = path_of("socket", 0), tty = path_of("/dev/tty", 0);
  int null = path_of("/dev/null", 0), link = path_of("link", O_NOFOLLOW);
  int dangling = path_of("dangling", O_NOFOLLOW), followed = path_of("link", 0);
  ready();
  check_path(file, S_IFREG, 0);
  check_equal(fcntl(file, F_GETFD), FD_CLOEXEC);
  check_path(folder, S_IFDIR, 0);
  check_path(fifo, S_IFIFO, 0);
  check_path(sock, S_IFSOCK, 0);
  check_path(tty, S_IFCHR, 0);
  check_path(null, S_IFCHR, 0);
  check_path(link, S_IFLNK, O_NOFOLLOW);
  check_target(link, "file");
  check_path(dangling, S_IFLNK, O_NOFOLLOW);
  check_target(dangling, "nowhere");
  check_path(followed, S_IFREG, 0);
  check_equal(mkdirat(folder, "inner", 0700), 0);
  char name[64];
  snprintf(name, sizeof name, "/proc/self/fd/%d", file);
  int again = open(name, O_WRONLY);
  check_equal(write(again, "x", 1), 1);
}

// The names are gone.
static void play_deleted(void) {
  int whole = open("file", O_CREAT | O_RDWR, 0600);
  check_equal(write(whole, "content", 7), 7);
  check_equal(mkfifo("fifo", 0600) | mkdir("folder", 0700), 0);
  int file = path_of("file", 0), fifo = path_of("fifo", 0), folder = path_of("folder", 0);
  close(whole);
  check_equal(unlink("file") | unlink("fifo") | rmdir("folder"), 0);
  ready();
  check_path(file, S_IFREG, 0);
  check_path(fifo, S_IFIFO, 0);
  check_path(folder, S_IFDIR, 0);
  char name[64], text[8] = {0};
  snprintf(name, sizeof name, "/proc/self/fd/%d", file);
  int again = open(name, O_RDWR);
  check_equal(read(again, text, 7), 7);
  check_text(text, "content");
  struct stat st;
  check_equal(fstat(file, &st), 0);
  check_equal(st.st_nlink, 0);
}

int main(int argc, char **argv) {
  setup(argc, argv);
  play((struct test_case[]){{"types", play_types}, {"deleted", play_deleted}, {0}});
}

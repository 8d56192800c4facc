// Files that somebody will have changed before the restore: open ones, a mapped one, a FIFO, a
// directory.
#include "woodfrog-test.h"

static int make(const char *name, size_t length) {
  int fd = open(name, O_CREAT | O_EXCL | O_RDWR, 0640);
  check(fd >= 0);
  check_equal(ftruncate(fd, length), 0);
  return fd;
}

static void copy_self(const char *to) {
  static char bytes[1 << 16];
  int in = open("/proc/self/exe", O_RDONLY | O_CLOEXEC), out = open(to, O_CREAT | O_WRONLY, 0755);
  for (ssize_t n; (n = read(in, bytes, sizeof bytes)) > 0;) check_equal(write(out, bytes, n), n);
  close(in), close(out);
}

int main(int argc, char **argv) {
  setup(argc, argv);
  int missing = make("missing", 10), shrunk = make("shrunk", 10), grown = make("grown", 10);
  int replaced = make("replaced", 10), mode = make("mode", 10), same = make("same", 10);
  check_equal(mkfifo("fifo", 0600) | mkdir("folder", 0700), 0);
  int fifo = open("fifo", O_RDWR), folder = open("folder", O_RDONLY);
  copy_self("library");
  int library = open("library", O_RDONLY);
  char *mapped = mmap(NULL, PAGE, PROT_READ | PROT_EXEC, MAP_PRIVATE, library, 0);
  check(mapped != MAP_FAILED);
  close(library);

  ready();

  const int fds[] = {missing, shrunk, grown, replaced, mode, same};
  for (int i = 0; i < 6; i++) {
    struct stat st;
    check_equal(fstat(fds[i], &st), 0);
    check_equal(st.st_size, 10);
  }
  check(fcntl(fifo, F_GETFL) >= 0 && fcntl(folder, F_GETFL) >= 0);
  check_equal(memcmp(mapped, "\177ELF", 4), 0);
  pass();
}

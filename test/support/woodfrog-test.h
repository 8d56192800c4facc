// What every test program needs: to say that it is set up, to wait until it may verify itself, and
// to tell the verdict. Uses only what the simplest checkpoint must support: a regular file, stat(2)
// and clock_nanosleep(2).
#pragma once
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PAGE 4096ul
#define UNUSED __attribute__((unused))

static const char *release_path;
static const char *test_case = "";

// argv[1]: the file whose appearance releases the program; argv[2]: the case to play, if there are
// several.
UNUSED static void setup(int argc, char **argv) {
  if (argc < 2) {
    fprintf(stderr, "usage: %s RELEASE-FILE [CASE]\n", argv[0]);
    exit(2);
  }
  release_path = argv[1];
  if (argc > 2) test_case = argv[2];
}

UNUSED static void say(const char *format, ...) {
  char text[1024];
  va_list args;
  va_start(args, format);
  int length = vsnprintf(text, sizeof text, format, args);
  va_end(args);
  if (length > (int)sizeof text - 1) length = sizeof text - 1;
  if (write(1, text, length) != length) _exit(3);
}

__attribute__((noreturn, format(printf, 1, 2))) UNUSED static void fail(const char *format, ...) {
  char text[900];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  say("FAIL (pid %d): %s\n", getpid(), text);
  _exit(1);
}

#define check(cond)                                                                               \
  do {                                                                                            \
    if (!(cond)) fail("%s:%d: %s (errno %s)", __FILE__, __LINE__, #cond, strerrorname_np(errno)); \
  } while (0)

#define check_equal(actual, wanted)                                                             \
  do {                                                                                          \
    long long actual_ = (long long)(actual), wanted_ = (long long)(wanted);                     \
    if (actual_ != wanted_)                                                                     \
      fail("%s:%d: %s is %lld (%#llx), not %lld (%#llx)", __FILE__, __LINE__, #actual, actual_, \
           actual_, wanted_, wanted_);                                                          \
  } while (0)

#define check_text(actual, wanted)                                                        \
  do {                                                                                    \
    const char *actual_ = (actual), *wanted_ = (wanted);                                  \
    if (strcmp(actual_, wanted_) != 0)                                                    \
      fail("%s:%d: %s is '%s', not '%s'", __FILE__, __LINE__, #actual, actual_, wanted_); \
  } while (0)

UNUSED static void nap(long ms) {
  struct timespec left = {ms / 1000, ms % 1000 * 1000000};
  while (clock_nanosleep(CLOCK_MONOTONIC, 0, &left, &left) == EINTR) {
  }
}

UNUSED static int released(void) {
  struct stat st;
  return stat(release_path, &st) == 0;
}

// Waits without a word: for children and threads.
UNUSED static void wait_release(void) {
  while (!released()) nap(5);
}

// Says that everything is set up; the checkpoint happens in here.
UNUSED static void ready(void) {
  say("READY\n");
  wait_release();
}

__attribute__((noreturn)) UNUSED static void pass(void) {
  say("PASS\n");
  exit(0);
}

// For what this kernel or machine lacks: the tests of this program are then reported as skipped.
__attribute__((noreturn)) UNUSED static void skip(const char *why) {
  say("SKIP: %s\n", why);
  exit(77);
}

// Rendezvous between processes through empty files beside the release file.
UNUSED static void mark_path(char *path, const char *name) {
  snprintf(path, 4096, "%s.%s", release_path, name);
}

UNUSED static void mark(const char *name) {
  char path[4096];
  mark_path(path, name);
  // No descriptor is open in between, which others could see or count on as a free number.
  check(mknod(path, S_IFREG | 0666, 0) == 0 || errno == EEXIST);
}

UNUSED static void await_mark(const char *name) {
  char path[4096];
  struct stat st;
  mark_path(path, name);
  for (int i = 0; stat(path, &st) != 0; i++) {
    if (i > 4000) fail("waited in vain for mark '%s'", name);
    nap(5);
  }
}

// Collects a child that must have exited with status 0.
UNUSED static void must_exit_well(pid_t child) {
  int status;
  check_equal(waitpid(child, &status, 0), child);
  check_equal(status, 0);
}

// A pattern that differs from byte to byte and from seed to seed.
UNUSED static unsigned char pattern_at(size_t i, unsigned seed) {
  uint64_t x = (i + 1) * 0x9E3779B97F4A7C15ull ^ seed * 0xD1B54A32D192ED03ull;
  return (unsigned char)(x >> 37);
}

UNUSED static void fill(void *at, size_t length, unsigned seed) {
  unsigned char *p = at;
  for (size_t i = 0; i < length; i++) p[i] = pattern_at(i, seed);
}

UNUSED static void check_fill(const void *at, size_t length, unsigned seed) {
  const unsigned char *p = at;
  for (size_t i = 0; i < length; i++)
    if (p[i] != pattern_at(i, seed))
      fail("seed %u: byte %zu of %zu at %p is %#x, not %#x", seed, i, length, at, p[i],
           pattern_at(i, seed));
}

// 1 when the page at `at` has memory of its own or in common, by /proc/self/pagemap: bit 63
// present, 62 swapped.
UNUSED static int is_populated(const void *at) {
  uint64_t entry;
  int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
  check(fd >= 0);
  check_equal(pread(fd, &entry, 8, (uintptr_t)at / PAGE * 8), 8);
  close(fd);
  return (entry >> 62) != 0;
}

// The value of a line of a /proc file, e.g. proc_line("/proc/self/status", "Threads:").
UNUSED static const char *proc_line(const char *path, const char *name) {
  static __thread char line[4096];
  FILE *file = fopen(path, "re");
  check(file != NULL);
  while (fgets(line, sizeof line, file)) {
    if (strncmp(line, name, strlen(name)) == 0) {
      fclose(file);
      char *value = line + strlen(name);
      value += strspn(value, " \t");
      value[strcspn(value, "\n")] = 0;
      return value;
    }
  }
  fclose(file);
  fail("%s has no line '%s'", path, name);
}

struct test_case {
  const char *name;
  void (*play)(void);
};

// Plays the case that argv[2] names; it calls ready() itself. The list ends with an empty entry.
__attribute__((noreturn)) UNUSED static void play(const struct test_case *cases) {
  for (; cases->name != NULL; cases++) {
    if (strcmp(cases->name, test_case) != 0) continue;
    cases->play();
    pass();
  }
  fail("no case '%s'", test_case);
}

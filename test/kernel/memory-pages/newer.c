// Kinds of memory that newer kernels have, and rare old ones; each is skipped where it cannot be
// made. argv[2] names the kind.
#include "woodfrog-test.h"

#define GUARD_INSTALL 102
#define DROPPABLE 0x08
#ifndef SYS_mseal
#define SYS_mseal 462
#endif

static unsigned char *map(size_t pages, int prot, int flags) {
  unsigned char *at = mmap(NULL, pages * PAGE, prot, flags | MAP_ANONYMOUS, -1, 0);
  if (at == MAP_FAILED) skip("the kernel has no such mapping");
  return at;
}

// Whether memory can be read at all: a pipe's write end takes it, or says EFAULT.
static int readable(const void *at) {
  int ends[2];
  check(pipe(ends) == 0);
  int result = write(ends[1], at, 1) == 1;
  check(result || errno == EFAULT);
  close(ends[0]);
  close(ends[1]);
  return result;
}

// Bytes of physical memory of the mapping that starts at `at`, and its flags.
static long rss(const void *at, char *flags, size_t size) {
  char line[4096];
  int here = 0;
  long kib = -1;
  unsigned long from, to;
  FILE *smaps = fopen("/proc/self/smaps", "re");
  check(smaps);
  while (fgets(line, sizeof line, smaps)) {
    if (sscanf(line, "%lx-%lx ", &from, &to) == 2) here = from == (unsigned long)at;
    if (here) sscanf(line, "Rss: %ld kB", &kib);
    if (here && strncmp(line, "VmFlags:", 8) == 0) snprintf(flags, size, "%s", line);
  }
  fclose(smaps);
  return kib * 1024;
}

static void guards(void) {
  unsigned char *at = map(16, PROT_READ | PROT_WRITE, MAP_PRIVATE);
  memset(at, 7, 16 * PAGE);
  if (madvise(at + 3 * PAGE, 2 * PAGE, GUARD_INSTALL) != 0) skip("no guard pages");
  unsigned char *locked = map(4, PROT_READ | PROT_WRITE, MAP_PRIVATE);
  memset(locked, 9, 4 * PAGE);
  check(madvise(locked, PAGE, GUARD_INSTALL) == 0);
  check(mlock2(locked + PAGE, 3 * PAGE, 0) == 0);
  ready();
  for (int i = 0; i < 16; i++) {
    check_equal(readable(at + i * PAGE), i != 3 && i != 4);
    if (i != 3 && i != 4) check_equal(at[i * PAGE + 5], 7);
  }
  check_equal(readable(locked), 0);
  check_equal(locked[PAGE], 9);
}

static void droppable(void) {
  unsigned char *at = map(4, PROT_READ | PROT_WRITE, DROPPABLE);
  char before[256], after[256];
  memset(at, 7, 4 * PAGE);
  rss(at, before, sizeof before);
  ready();
  check(at[0] == 0 || at[0] == 7);
  rss(at, after, sizeof after);
  check_text(after, before);
  at[0] = 1;
}

static void sealed(void) {
  unsigned char *at = map(4, PROT_READ, MAP_PRIVATE);
  char before[256], after[256];
  if (syscall(SYS_mseal, at, 4 * PAGE, 0) != 0) skip("no mseal");
  rss(at, before, sizeof before);
  ready();
  rss(at, after, sizeof after);
  check_text(after, before);
  check(munmap(at, 4 * PAGE) != 0 && errno == EPERM);
}

// Memory of /dev/zero, memory that can only be written, memory that is locked and cannot be touched,
// memory that could be written once.
static void odd(void) {
  int zero = open("/dev/zero", O_RDWR | O_CLOEXEC);
  unsigned char *named = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, zero, 0);
  check(named != MAP_FAILED);
  close(zero);
  named[PAGE] = 3;
  unsigned char *silent = map(4, PROT_WRITE, MAP_PRIVATE);
  silent[PAGE] = 4;
  unsigned char *none = map(4, PROT_READ | PROT_WRITE, MAP_PRIVATE);
  none[PAGE] = 5;
  check(mlock2(none, 4 * PAGE, MLOCK_ONFAULT) == 0);
  check(mprotect(none, 4 * PAGE, PROT_NONE) == 0);
  unsigned char *former = map(4, PROT_READ | PROT_WRITE, MAP_PRIVATE);
  check(mprotect(former, 4 * PAGE, PROT_READ) == 0);
  unsigned char *all[] = {named, silent, none, former};
  char before[4][256], after[4][256];
  long held[4];
  for (int i = 0; i < 4; i++) held[i] = rss(all[i], before[i], sizeof before[i]);
  ready();
  for (int i = 0; i < 4; i++) {
    check_equal(rss(all[i], after[i], sizeof after[i]), held[i]);
    check_text(after[i], before[i]);
  }
  check_equal(named[PAGE], 3);
  check(mprotect(silent, 4 * PAGE, PROT_READ) == 0 && silent[PAGE] == 4);
  check(mprotect(none, 4 * PAGE, PROT_READ) == 0 && none[PAGE] == 5);
}

// One object, of which only the middle and the end are mapped, by two processes.
static void parts(void) {
  unsigned char *at = map(8, PROT_READ | PROT_WRITE, MAP_SHARED);
  memset(at + 2 * PAGE, 6, PAGE);
  check(munmap(at, 2 * PAGE) == 0);
  check(munmap(at + 4 * PAGE, 3 * PAGE) == 0);
  pid_t child = fork();
  check(child >= 0);
  volatile unsigned char *middle = at + 2 * PAGE, *last = at + 7 * PAGE;
  if (child == 0) {
    while (*last == 0) nap(10);
    *last = *middle + 1;
    _exit(0);
  }
  ready();
  check_equal(*middle, 6);
  *middle = 20;
  *last = 1;
  int status;
  check(waitpid(child, &status, 0) == child && status == 0);
  check_equal(*last, 21);
}

int main(int argc, char **argv) {
  setup(argc, argv);
  if (strcmp(test_case, "guards") == 0) guards();
  else if (strcmp(test_case, "droppable") == 0) droppable();
  else if (strcmp(test_case, "sealed") == 0) sealed();
  else if (strcmp(test_case, "odd") == 0) odd();
  else if (strcmp(test_case, "parts") == 0) parts();
  else fail("no case '%s'", test_case);
  pass();
}

// The vdso: clock reads without a system call work at the saved address and agree with the kernel's
// own answer.
#include <elf.h>
#include <link.h>
#include <sys/auxv.h>
#include <sys/time.h>

#include "woodfrog-test.h"

typedef int (*gettime_t)(clockid_t, struct timespec *);

// The symbol of the vdso, as mapped at AT_SYSINFO_EHDR.
static void *vdso_symbol(const char *name) {
  unsigned long base = getauxval(AT_SYSINFO_EHDR);
  const Elf64_Ehdr *header = (const void *)base;
  const Elf64_Phdr *program = (const void *)(base + header->e_phoff);
  const Elf64_Dyn *dynamic = NULL;
  for (int i = 0; i < header->e_phnum; i++)
    if (program[i].p_type == PT_DYNAMIC) dynamic = (const void *)(base + program[i].p_offset);
  const Elf64_Sym *symbols = NULL;
  const char *strings = NULL;
  size_t size = 0;
  for (; dynamic->d_tag != DT_NULL; dynamic++) {
    if (dynamic->d_tag == DT_SYMTAB) symbols = (const void *)(base + dynamic->d_un.d_ptr);
    if (dynamic->d_tag == DT_STRTAB) strings = (const void *)(base + dynamic->d_un.d_ptr);
    if (dynamic->d_tag == DT_STRSZ) size = dynamic->d_un.d_val;
  }
  for (const Elf64_Sym *s = symbols; (const char *)s < strings; s++)
    if (s->st_name < size && strcmp(strings + s->st_name, name) == 0)
      return (void *)(base + s->st_value);
  fail("the vdso has no %s", name);
}

static int64_t nanoseconds(struct timespec t) { return t.tv_sec * 1000000000ll + t.tv_nsec; }

static void check_agrees(gettime_t gettime, clockid_t clock) {
  struct timespec before, ours, after;
  check_equal(syscall(SYS_clock_gettime, clock, &before), 0);
  check_equal(gettime(clock, &ours), 0);
  check_equal(syscall(SYS_clock_gettime, clock, &after), 0);
  // Coarse clocks are read from the last tick; others must lie in between.
  if (nanoseconds(ours) < nanoseconds(before) || nanoseconds(ours) > nanoseconds(after))
    fail("clock %d: vdso says %lld, kernel %lld to %lld", clock, (long long)nanoseconds(ours),
         (long long)nanoseconds(before), (long long)nanoseconds(after));
}

static void check_all(gettime_t gettime) {
  const clockid_t clocks[] = {CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_BOOTTIME, CLOCK_MONOTONIC_RAW,
                              CLOCK_TAI};
  for (int i = 0; i < 5; i++) check_agrees(gettime, clocks[i]);
}

int main(int argc, char **argv) {
  setup(argc, argv);
  gettime_t direct = vdso_symbol("__vdso_clock_gettime");
  int (*getcpu_direct)(unsigned *, unsigned *, void *) = vdso_symbol("__vdso_getcpu");
  unsigned long base = getauxval(AT_SYSINFO_EHDR);
  check_all(direct);
  ready();
  check_equal(getauxval(AT_SYSINFO_EHDR), base);
  check(vdso_symbol("__vdso_clock_gettime") == (void *)direct);
  check_all(direct);
  check_all(clock_gettime);
  unsigned cpu = 999;
  check_equal(getcpu_direct(&cpu, NULL, NULL), 0);
  check(cpu < 999);
  struct timeval now;
  struct timespec real;
  check_equal(gettimeofday(&now, NULL), 0);
  clock_gettime(CLOCK_REALTIME, &real);
  check(real.tv_sec - now.tv_sec <= 1 && real.tv_sec >= now.tv_sec);
  // time(2) reads a coarse clock, up to a tick behind.
  check(time(NULL) >= now.tv_sec - 1);
  pass();
}

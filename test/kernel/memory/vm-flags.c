// Every flag that VmFlags shows and a program can set: madvise(2), mlock(2), MAP_NORESERVE,
// MAP_GROWSDOWN.
#include <sys/prctl.h>

#include "woodfrog-test.h"

struct area {
  const char *name;
  int advice;
  char flags[256];
  unsigned char *at;
} areas[] = {
    {"plain", -1},
    {"dontfork", MADV_DONTFORK},
    {"dontdump", MADV_DONTDUMP},
    {"hugepage", MADV_HUGEPAGE},
    {"nohugepage", MADV_NOHUGEPAGE},
    {"mergeable", MADV_MERGEABLE},
    {"random", MADV_RANDOM},
    {"sequential", MADV_SEQUENTIAL},
    {"wipeonfork", MADV_WIPEONFORK},
    {"mlock", -2},
    {"mlock on fault", -3},
    {"noreserve", -4},
    {"growsdown", -5},
    {"dontfork and dontdump", -6},
};
enum { AREAS = sizeof areas / sizeof *areas, LENGTH = 4 * PAGE };

// The VmFlags of the mapping at `at`, without the soft-dirty bit, which says what was written
// since.
static void read_flags(const void *at, char *flags, size_t size) {
  char line[4096];
  int here = 0;
  unsigned long from, to;
  FILE *smaps = fopen("/proc/self/smaps", "re");
  flags[0] = 0;
  while (fgets(line, sizeof line, smaps)) {
    if (sscanf(line, "%lx-%lx ", &from, &to) == 2)
      here = from <= (unsigned long)at && (unsigned long)at < to;
    if (here && strncmp(line, "VmFlags:", 8) == 0) {
      for (char *word = strtok(line + 8, " \n"); word; word = strtok(NULL, " \n")) {
        if (strcmp(word, "sd") == 0) continue;
        strncat(flags, word, size - strlen(flags) - 1);
        strncat(flags, " ", size - strlen(flags) - 1);
      }
    }
  }
  fclose(smaps);
}

int main(int argc, char **argv) {
  setup(argc, argv);
  for (int i = 0; i < AREAS; i++) {
    struct area *area = &areas[i];
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | (area->advice == -4 ? MAP_NORESERVE : 0) |
                (area->advice == -5 ? MAP_GROWSDOWN : 0);
    // A hole between two areas, else the kernel may merge them; 1 MiB below one that grows down.
    unsigned char *at =
        mmap(NULL, LENGTH + (1 << 21), PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    check(at != MAP_FAILED);
    munmap(at, LENGTH + (1 << 21));
    area->at = mmap(at + (1 << 20), LENGTH, PROT_READ | PROT_WRITE, flags | MAP_FIXED, -1, 0);
    check(area->at == at + (1 << 20));
    if (area->advice >= 0) check_equal(madvise(area->at, LENGTH, area->advice), 0);
    if (area->advice == -2) check_equal(mlock(area->at, LENGTH), 0);
    if (area->advice == -3) check_equal(mlock2(area->at, LENGTH, MLOCK_ONFAULT), 0);
    if (area->advice == -6)
      check_equal(
          madvise(area->at, LENGTH, MADV_DONTFORK) | madvise(area->at, LENGTH, MADV_DONTDUMP), 0);
    fill(area->at, 2 * PAGE, i);
    read_flags(area->at, area->flags, sizeof area->flags);
    check(area->flags[0]);
  }

  ready();

  for (int i = 0; i < AREAS; i++) {
    char flags[256];
    read_flags(areas[i].at, flags, sizeof flags);
    if (strcmp(flags, areas[i].flags) != 0)
      fail("%s: VmFlags %s, not %s", areas[i].name, flags, areas[i].flags);
    check_fill(areas[i].at, 2 * PAGE, i);
  }
  // The mapping that grows down still does.
  areas[12].at[-100] = 1;
  pid_t child = fork();
  if (child == 0) {
    for (size_t i = 0; i < 2 * PAGE; i++) check_equal(areas[8].at[i], 0);
    check_fill(areas[2].at, 2 * PAGE, 2);
    _exit(0);
  }
  must_exit_well(child);
  pass();
}

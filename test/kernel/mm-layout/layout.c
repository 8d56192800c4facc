// The process as /proc shows it: executable, arguments, environment, auxiliary vector, and the
// layout marks behind them, arguments moved to the heap by prctl(PR_SET_MM_MAP) included (as
// setproctitle(3) does).
#include <linux/prctl.h>
#include <sys/prctl.h>

#include "woodfrog-test.h"

struct text {
  char bytes[8192];
  ssize_t length;
};

static struct text slurp(const char *path) {
  struct text text;
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  check(fd >= 0);
  text.length = read(fd, text.bytes, sizeof text.bytes);
  check(text.length >= 0);
  close(fd);
  return text;
}

// Fields of /proc/self/stat from 26 on, one by one.
static unsigned long stat_field(int number) {
  struct text text = slurp("/proc/self/stat");
  text.bytes[text.length - 1] = 0;
  char *at = strrchr(text.bytes, ')') + 2;
  for (int i = 3; i < number; i++) at = strchr(at, ' ') + 1;
  return strtoul(at, NULL, 10);
}

static void move_arguments(void) {
  static char title[] = "a new title of this program\0with two arguments";
  struct text auxv = slurp("/proc/self/auxv");
  struct prctl_mm_map map = {
      .start_code = stat_field(26),
      .end_code = stat_field(27),
      .start_stack = stat_field(28),
      .start_data = stat_field(45),
      .end_data = stat_field(46),
      .start_brk = stat_field(47),
      .brk = (unsigned long)sbrk(0),
      .arg_start = (unsigned long)title,
      .arg_end = (unsigned long)title + sizeof title,
      .env_start = stat_field(50),
      .env_end = stat_field(51),
      .auxv = (void *)auxv.bytes,
      .auxv_size = auxv.length,
      .exe_fd = -1,
  };
  check_equal(prctl(PR_SET_MM, PR_SET_MM_MAP, &map, sizeof map, 0), 0);
}

int main(int argc, char **argv) {
  setup(argc, argv);
  if (strcmp(test_case, "moved") == 0) move_arguments();
  static struct text before[3], after;
  const char *files[] = {"/proc/self/cmdline", "/proc/self/environ", "/proc/self/auxv"};
  char exe[4096] = {0}, now[4096] = {0};
  unsigned long marks[52];
  for (int i = 0; i < 3; i++) before[i] = slurp(files[i]);
  check(readlink("/proc/self/exe", exe, sizeof exe - 1) > 0);
  for (int i = 26; i <= 28; i++) marks[i] = stat_field(i);
  for (int i = 45; i <= 51; i++) marks[i] = stat_field(i);
  setenv("SET_LATER", "must stay", 1);

  ready();

  for (int i = 0; i < 3; i++) {
    after = slurp(files[i]);
    if (after.length != before[i].length || memcmp(after.bytes, before[i].bytes, after.length) != 0)
      fail("%s differs", files[i]);
  }
  check(readlink("/proc/self/exe", now, sizeof now - 1) > 0);
  check_text(now, exe);
  for (int i = 26; i <= 28; i++) check_equal(stat_field(i), marks[i]);
  for (int i = 45; i <= 51; i++) check_equal(stat_field(i), marks[i]);
  check_text(getenv("SET_LATER"), "must stay");
  pass();
}

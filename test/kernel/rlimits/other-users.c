// Limits of a process that belongs to another user: root without CAP_SYS_RESOURCE may not even ask
// for them by prlimit(2).
#include <sys/resource.h>

#include "woodfrog-test.h"

static const struct wanted {
  int resource;
  struct rlimit limit;
} all[] = {
    {RLIMIT_CORE, {4096, 8192}},       {RLIMIT_NPROC, {700, 701}},   {RLIMIT_NOFILE, {50, 60}},
    {RLIMIT_MEMLOCK, {0, 16384}},      {RLIMIT_NICE, {0, 0}},        {RLIMIT_SIGPENDING, {5, 6}},
    {RLIMIT_FSIZE, {1 << 20, 1 << 21}}, {RLIMIT_RTPRIO, {0, 0}},
};
enum { LIMITS = sizeof all / sizeof *all };

static void check_limits(void) {
  for (int i = 0; i < LIMITS; i++) {
    struct rlimit now;
    check_equal(getrlimit(all[i].resource, &now), 0);
    check_equal(now.rlim_cur, all[i].limit.rlim_cur);
    check_equal(now.rlim_max, all[i].limit.rlim_max);
  }
}

int main(int argc, char **argv) {
  setup(argc, argv);
  check_equal(chmod(".", 0777), 0);
  pid_t child = fork();
  if (child == 0) {
    for (int i = 0; i < LIMITS; i++)
      check_equal(setrlimit(all[i].resource, &all[i].limit), 0);
    check_equal(setresgid(2345, 2345, 2345), 0);
    check_equal(setresuid(1234, 1234, 1234), 0);
    mark("child");
    wait_release();
    check_limits();
    check_equal(getuid(), 1234);
    _exit(0);
  }
  await_mark("child");

  ready();

  must_exit_well(child);
  pass();
}

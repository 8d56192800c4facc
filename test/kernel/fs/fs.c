// Working directory, root directory and umask; cases: as set by chdir, changed by chroot, different
// in a child.
#include "woodfrog-test.h"

static void check_cwd(const char *wanted) {
  char now[4096] = {0};
  check(syscall(SYS_getcwd, now, sizeof now) > 0);
  check_text(now, wanted);
}

int main(int argc, char **argv) {
  setup(argc, argv);
  char base[4096], deep[4200];
  check(getcwd(base, sizeof base) != NULL);
  check_equal(mkdir("jail", 0755) | mkdir("jail/in side", 0755), 0);
  umask(0137);
  if (strcmp(test_case, "chroot") == 0) {
    // The release file must be reachable from inside: it appears in the jail, linked by nobody but
    // the test.
    check_equal(chroot("jail"), 0);
    check_equal(chdir("/in side"), 0);
    release_path = "/release";
    ready();
    check_cwd("/in side");
    struct stat here, up;
    check_equal(stat("/", &here) | stat("/..", &up), 0);
    check_equal(here.st_ino, up.st_ino);
    check_equal(umask(0), 0137);
    pass();
  }
  snprintf(deep, sizeof deep, "%s/jail/in side", base);
  check_equal(chdir(deep), 0);
  pid_t child = fork();
  if (child == 0) {
    check_equal(chdir("/"), 0);
    umask(0);
    mark("child");
    wait_release();
    check_cwd("/");
    check_equal(umask(0), 0);
    _exit(0);
  }
  await_mark("child");
  ready();
  check_cwd(deep);
  int fd = open("made later", O_CREAT | O_WRONLY, 0777);
  struct stat st;
  check_equal(fstat(fd, &st), 0);
  check_equal(st.st_mode & 0777, 0777 & ~0137);
  must_exit_well(child);
  pass();
}

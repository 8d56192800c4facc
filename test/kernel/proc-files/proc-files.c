// Open files and directories of /proc: of the system, of tasks that live, have ended, or are gone.
#include <dirent.h>

#include "woodfrog-test.h"

static int at(pid_t pid, const char *name, int flags) {
  char path[128];
  if (pid == 0)
    snprintf(path, sizeof path, "/proc/%s", name);
  else
    snprintf(path, sizeof path, "/proc/%d%s", pid, name);
  int fd = open(path, flags);
  if (fd < 0) fail("open of %s: %s", path, strerrorname_np(errno));
  return fd;
}

static void check_begins(int fd, const char *wanted) {
  char text[64] = {0};
  check_equal(pread(fd, text, strlen(wanted), 0), strlen(wanted));
  check_text(text, wanted);
}

static void check_stat(int fd, pid_t pid, char state) {
  char text[512] = {0};
  int found;
  char letter;
  check(pread(fd, text, sizeof text - 1, 0) > 0);
  check_equal(sscanf(text, "%d %*s %c", &found, &letter), 2);
  check_equal(found, pid);
  check_equal(letter, state);
}

static void play_system(void) {
  int memory = at(0, "meminfo", O_RDONLY), uptime = at(0, "uptime", O_RDONLY | O_CLOEXEC);
  int setting = at(0, "sys/kernel/hostname", O_RDONLY), all = at(0, "", O_RDONLY | O_DIRECTORY);
  char line[16];
  check_equal(read(memory, line, 9), 9);
  ready();
  check_equal(lseek(memory, 0, SEEK_CUR), 9);
  check_begins(memory, "MemTotal:");
  check(pread(uptime, line, 4, 0) == 4);
  check_equal(fcntl(uptime, F_GETFD), FD_CLOEXEC);
  check(pread(setting, line, 1, 0) == 1);
  char name[32];
  snprintf(name, sizeof name, "%d/comm", getpid());
  check_equal(faccessat(all, name, R_OK, 0), 0);
}

// Of this process: by text, by its memory, as directories.
static void play_self(void) {
  pid_t me = getpid();
  static volatile long word = 41;
  int status = at(0, "self/status", O_RDONLY), maps = at(0, "self/maps", O_RDONLY);
  int memory = at(0, "self/mem", O_RDWR), comm = at(0, "thread-self/comm", O_RDWR);
  int folder = at(0, "self", O_RDONLY | O_DIRECTORY), fds = at(0, "self/fd", O_RDONLY);
  int path = at(0, "self/task", O_PATH);
  char text[64] = {0};
  check_equal(read(status, text, 5), 5);
  check_equal(chdir("/proc/self/net") | chdir("/proc/self/fdinfo"), 0);
  ready();
  check_begins(status, "Name:");
  check_equal(lseek(status, 0, SEEK_CUR), 5);
  check_equal(pread(memory, text, 8, (off_t)&word), 8);
  check_equal(*(long *)text, 41);
  long fresh = 42;
  check_equal(pwrite(memory, &fresh, 8, (off_t)&word), 8);
  check_equal(word, 42);
  check_equal(write(comm, "renamed", 7), 7);
  check_begins(status, "Name:\trenamed\n");
  int stat = openat(folder, "stat", O_RDONLY);
  check_stat(stat, me, 'R');
  snprintf(text, sizeof text, "%d", stat);
  struct stat st;
  check_equal(fstatat(fds, text, &st, 0), 0);
  snprintf(text, sizeof text, "%d/comm", me);
  check_equal(faccessat(path, text, R_OK, 0), 0);
  snprintf(text, sizeof text, "%d", stat);
  check_equal(access(text, R_OK), 0);
  // The mapping of `word` stands in the list, as it is now.
  FILE *file = fdopen(maps, "r");
  char line[4096];
  int found = 0;
  while (fgets(line, sizeof line, file)) {
    unsigned long start, end;
    check_equal(sscanf(line, "%lx-%lx", &start, &end), 2);
    found |= start <= (unsigned long)&word && (unsigned long)&word < end;
  }
  check(found);
}

// Of children that live and wait to be reaped, seen by their parent and each other.
static void play_relatives(void) {
  pid_t ended = fork();
  if (ended == 0) _exit(7);
  siginfo_t info;
  check_equal(waitid(P_PID, ended, &info, WEXITED | WNOWAIT), 0);
  int of_ended = at(ended, "/stat", O_RDONLY), of_parent = at(getpid(), "/comm", O_RDONLY);
  pid_t child = fork();
  if (child == 0) {
    mark("child");
    wait_release();
    check_stat(of_ended, ended, 'Z');
    check_begins(of_parent, "proc-files");
    _exit(0);
  }
  await_mark("child");
  int of_child = at(child, "/stat", O_RDONLY), folder = at(child, "", O_RDONLY | O_DIRECTORY);
  ready();
  check_stat(of_ended, ended, 'Z');
  must_exit_well(child);
  char text[16];
  check_equal(pread(of_child, text, 1, 0), -1);
  check_equal(errno, ESRCH);
  check_equal(openat(folder, "comm", O_RDONLY), -1);
  int status;
  check_equal(waitpid(ended, &status, 0), ended);
  check_equal(status, 7 << 8);
  check_equal(pread(of_ended, text, 1, 0), -1);
  check_equal(errno, ESRCH);
}

// Of a child that is gone: nothing can be read, and nobody who gets its number is taken for it.
static void play_gone(void) {
  pid_t child = fork();
  if (child == 0) {
    wait_release();
    await_mark("never");
  }
  int status = at(child, "/status", O_RDONLY), again = at(child, "/status", O_RDONLY | O_CLOEXEC);
  int folder = at(child, "", O_RDONLY | O_DIRECTORY), comm = at(child, "/comm", O_RDWR);
  int memory = at(child, "/mem", O_RDONLY);
  char text[64];
  check_equal(read(again, text, 10), 10);
  check_equal(kill(child, SIGKILL), 0);
  check_equal(waitpid(child, NULL, 0), child);
  pid_t heir = fork();
  if (heir == 0) {
    wait_release();
    check_equal(pread(status, text, 1, 0), -1);
    check_equal(errno, ESRCH);
    _exit(0);
  }
  ready();
  check_equal(pread(status, text, 1, 0), -1);
  check_equal(errno, ESRCH);
  check_equal(lseek(again, 0, SEEK_CUR), 10);
  check_equal(lseek(status, 0, SEEK_CUR), 0);
  check_equal(fcntl(again, F_GETFD), FD_CLOEXEC);
  check_equal(fcntl(comm, F_GETFL) & O_ACCMODE, O_RDWR);
  check_equal(write(comm, "x", 1), -1);
  check_equal(openat(folder, "status", O_RDONLY), -1);
  check_equal(pread(memory, text, 1, 0), 0);
  struct stat st;
  check_equal(fstat(folder, &st), 0);
  must_exit_well(heir);
}

// The list of its descriptors: not even fstat(2) tells of it.
static void play_list(void) {
  pid_t child = fork();
  if (child == 0) {
    wait_release();
    await_mark("never");
  }
  int fds = at(child, "/fd", O_RDONLY | O_DIRECTORY);
  check_equal(kill(child, SIGKILL), 0);
  check_equal(waitpid(child, NULL, 0), child);
  ready();
  struct stat st;
  check_equal(fstat(fds, &st), -1);
  check_equal(errno, ENOENT);
  check_equal(fcntl(fds, F_GETFL) & O_DIRECTORY, O_DIRECTORY);
}

int main(int argc, char **argv) {
  setup(argc, argv);
  play((struct test_case[]){{"system", play_system},
                            {"self", play_self},
                            {"relatives", play_relatives},
                            {"gone", play_gone},
                            {"list", play_list},
                            {0}});
}

// measure FILE COMMAND...: runs the command, writes "<wall ns> <peak resident KiB>" to FILE, and
// ends as it ended.
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

int main(int argc, char **argv) {
  struct timespec from, to;
  struct rusage usage;
  int status;
  if (argc < 3) return 2;
  clock_gettime(CLOCK_MONOTONIC, &from);
  pid_t pid = vfork();
  if (pid == 0) {
    execvp(argv[2], argv + 2);
    _exit(127);
  }
  if (pid < 0 || wait4(pid, &status, 0, &usage) != pid) return 2;
  clock_gettime(CLOCK_MONOTONIC, &to);
  FILE *out = fopen(argv[1], "w");
  if (out == NULL) return 2;
  fprintf(out, "%lld %ld\n", (to.tv_sec - from.tv_sec) * 1000000000ll + to.tv_nsec - from.tv_nsec,
          usage.ru_maxrss);
  fclose(out);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

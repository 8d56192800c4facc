// What prctl(2) and friends say about a process: name, personality, OOM score, dumpable, death
// signal, subreaper, timer slack, no huge pages, core filter, scheduling niceness.
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "woodfrog-test.h"

static void write_proc(const char *path, const char *value) {
  int fd = open(path, O_WRONLY | O_CLOEXEC);
  check(fd >= 0);
  check_equal(write(fd, value, strlen(value)), strlen(value));
  close(fd);
}

static int death_signal(void) {
  int signal = -1;
  check_equal(prctl(PR_GET_PDEATHSIG, &signal), 0);
  return signal;
}

static void *slacker(void *arg) {
  check_equal(prctl(PR_SET_TIMERSLACK, 777777), 0);
  mark("thread");
  wait_release();
  check_equal(prctl(PR_GET_TIMERSLACK), 777777);
  return NULL;
}

static void one(const char *name) {
  int subreaper = -1;
  char now[17] = {0};
  if (strcmp(name, "comm") == 0) {
    check_equal(prctl(PR_SET_NAME, "a (b) c) 15char"), 0);
    ready();
    check_equal(prctl(PR_GET_NAME, now), 0);
    check_text(now, "a (b) c) 15char");
  } else if (strcmp(name, "personality") == 0) {
    check(personality(ADDR_NO_RANDOMIZE | UNAME26) != -1);
    ready();
    check_equal(personality(0xffffffff), ADDR_NO_RANDOMIZE | UNAME26);
  } else if (strcmp(name, "oom-score") == 0) {
    write_proc("/proc/self/oom_score_adj", "345");
    ready();
    check_text(proc_line("/proc/self/oom_score_adj", ""), "345");
  } else if (strcmp(name, "not-dumpable") == 0) {
    check_equal(prctl(PR_SET_DUMPABLE, 0), 0);
    ready();
    check_equal(prctl(PR_GET_DUMPABLE), 0);
  } else if (strcmp(name, "death-signal") == 0) {
    pid_t child = fork();
    if (child == 0) {
      check_equal(prctl(PR_SET_PDEATHSIG, SIGUSR2), 0);
      mark("child");
      wait_release();
      check_equal(death_signal(), SIGUSR2);
      _exit(0);
    }
    await_mark("child");
    ready();
    must_exit_well(child);
    check_equal(death_signal(), 0);
  } else if (strcmp(name, "orphaned") == 0) {
    // A user's, set behind setresuid(2), which clears it; and what it is for.
    check_equal(chmod(".", 0777), 0);
    check_equal(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
    pid_t parent = fork();
    if (parent == 0) {
      if (fork() == 0) {
        sigset_t set;
        sigemptyset(&set);
        sigaddset(&set, SIGUSR2);
        sigprocmask(SIG_BLOCK, &set, NULL);
        check_equal(setresuid(1234, 1234, 1234), 0);
        check_equal(prctl(PR_SET_PDEATHSIG, SIGUSR2), 0);
        mark("child");
        check_equal(sigwaitinfo(&set, NULL), SIGUSR2);
        _exit(5);
      }
      for (;;) pause();
    }
    await_mark("child");
    ready();
    check_equal(kill(parent, SIGKILL), 0);
    int ends = 0, end;
    while (wait(&end) > 0) ends += WIFEXITED(end) && WEXITSTATUS(end) == 5;
    check_equal(ends, 1);
  } else if (strcmp(name, "login-user") == 0) {
    if (access("/proc/self/loginuid", W_OK) != 0) skip("a kernel without audit");
    write_proc("/proc/self/loginuid", "1234");
    ready();
    check_text(proc_line("/proc/self/loginuid", ""), "1234");
  } else if (strcmp(name, "subreaper") == 0) {
    check_equal(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
    ready();
    check_equal(prctl(PR_GET_CHILD_SUBREAPER, &subreaper), 0);
    check_equal(subreaper, 1);
    // It works, too: an orphan becomes ours.
    pid_t child = fork();
    if (child == 0) {
      if (fork() == 0) {
        while (getppid() == 1) nap(1);
        nap(30);
        _exit(9);
      }
      _exit(0);
    }
    int status, orphans = 0;
    while (wait(&status) > 0) orphans += WEXITSTATUS(status) == 9;
    check_equal(orphans, 1);
  } else if (strcmp(name, "timer-slack") == 0) {
    pthread_t thread;
    check_equal(prctl(PR_SET_TIMERSLACK, 123456), 0);
    pthread_create(&thread, NULL, slacker, NULL);
    await_mark("thread");
    ready();
    check_equal(prctl(PR_GET_TIMERSLACK), 123456);
    pthread_join(thread, NULL);
  } else if (strcmp(name, "no-huge-pages") == 0) {
    check_equal(prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0), 0);
    ready();
    check_equal(prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0), 1);
  } else if (strcmp(name, "core-filter") == 0) {
    write_proc("/proc/self/coredump_filter", "0x5");
    ready();
    check_text(proc_line("/proc/self/coredump_filter", ""), "00000005");
  } else if (strcmp(name, "nice") == 0) {
    check_equal(setpriority(PRIO_PROCESS, 0, 7), 0);
    ready();
    check_equal(getpriority(PRIO_PROCESS, 0), 7);
  } else {
    fail("no such case");
  }
}

int main(int argc, char **argv) {
  setup(argc, argv);
  one(test_case);
  pass();
}

// Robust mutexes: the list is registered in each thread, so an owner's death is noticed, also
// across processes.
#include "woodfrog-test.h"

static pthread_mutex_t *shared, *own;

static void *dies(void *arg) {
  check_equal(pthread_mutex_lock(own), 0);
  mark("thread");
  wait_release();
  return NULL;  // Ends with the mutex locked.
}

static pthread_mutex_t *robust(int pshared) {
  pthread_mutexattr_t attr;
  pthread_mutexattr_init(&attr);
  pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
  pthread_mutexattr_setpshared(&attr, pshared);
  pthread_mutex_t *mutex =
      mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  check_equal(pthread_mutex_init(mutex, &attr), 0);
  return mutex;
}

int main(int argc, char **argv) {
  setup(argc, argv);
  own = robust(PTHREAD_PROCESS_PRIVATE);
  shared = robust(PTHREAD_PROCESS_SHARED);
  pid_t child = fork();
  if (child == 0) {
    check_equal(pthread_mutex_lock(shared), 0);
    mark("child");
    wait_release();
    _exit(0);  // Dies with the mutex locked.
  }
  pthread_t thread;
  check_equal(pthread_create(&thread, NULL, dies, NULL), 0);
  await_mark("child");
  await_mark("thread");
  void *before, *after;
  size_t length;
  check_equal(syscall(SYS_get_robust_list, 0, &before, &length), 0);

  ready();

  check_equal(syscall(SYS_get_robust_list, 0, &after, &length), 0);
  check(before == after && before != NULL);
  check_equal(length, 3 * sizeof(void *));
  check_equal(pthread_mutex_lock(own), EOWNERDEAD);
  check_equal(pthread_mutex_lock(shared), EOWNERDEAD);
  check_equal(pthread_join(thread, NULL), 0);
  must_exit_well(child);
  pass();
}

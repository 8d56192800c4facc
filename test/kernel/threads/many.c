// Many threads that wait on one condition variable, and go on in turn: 64, or as many as the case says.
#include "woodfrog-test.h"

enum { COUNT_MAX = 1000 };
static int count = 64;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static int turn = -1, waiting;
static pid_t tids[COUNT_MAX];

static void *thread(void *arg) {
  int i = (int)(intptr_t)arg;
  pthread_mutex_lock(&mutex);
  tids[i] = gettid();
  waiting++;
  while (turn != i) pthread_cond_wait(&changed, &mutex);
  check_equal(gettid(), tids[i]);
  turn++;
  pthread_cond_broadcast(&changed);
  pthread_mutex_unlock(&mutex);
  return NULL;
}

int main(int argc, char **argv) {
  setup(argc, argv);
  if (argc > 2) count = atoi(test_case);
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, 64 * 1024);
  static pthread_t threads[COUNT_MAX];
  for (int i = 0; i < count; i++)
    check_equal(pthread_create(&threads[i], &attributes, thread, (void *)(intptr_t)i), 0);
  for (int seen = 0; seen < count;) {
    pthread_mutex_lock(&mutex);
    seen = waiting;
    pthread_mutex_unlock(&mutex);
    nap(1);
  }
  ready();
  pthread_mutex_lock(&mutex);
  turn = 0;
  pthread_cond_broadcast(&changed);
  pthread_mutex_unlock(&mutex);
  for (int i = 0; i < count; i++) check_equal(pthread_join(threads[i], NULL), 0);
  check_equal(turn, count);
  pass();
}

// Sixty-four threads hand a token round under one mutex, all the time; nobody may lose it or see it
// twice.
#include "woodfrog-test.h"

enum { THREADS = 64 };
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t moved[THREADS];
static long token, turns[THREADS];
static int stop;

static void *thread(void *arg) {
  int me = (int)(intptr_t)arg;
  pthread_mutex_lock(&mutex);
  for (;;) {
    while (!stop && token % THREADS != me) pthread_cond_wait(&moved[me], &mutex);
    if (stop) break;
    token++;
    turns[me]++;
    pthread_cond_signal(&moved[(me + 1) % THREADS]);
  }
  pthread_mutex_unlock(&mutex);
  return NULL;
}

static long look(void) {
  pthread_mutex_lock(&mutex);
  long now = token;
  pthread_mutex_unlock(&mutex);
  return now;
}

int main(int argc, char **argv) {
  setup(argc, argv);
  pthread_t threads[THREADS];
  for (int i = 0; i < THREADS; i++) pthread_cond_init(&moved[i], NULL);
  for (int i = 0; i < THREADS; i++) pthread_create(&threads[i], NULL, thread, (void *)(intptr_t)i);
  while (look() < 10 * THREADS) nap(1);
  ready();
  // It still moves.
  for (long before = look(); look() < before + 3 * THREADS;) nap(1);
  pthread_mutex_lock(&mutex);
  stop = 1;
  for (int i = 0; i < THREADS; i++) pthread_cond_broadcast(&moved[i]);
  pthread_mutex_unlock(&mutex);
  long sum = 0;
  for (int i = 0; i < THREADS; i++) {
    check_equal(pthread_join(threads[i], NULL), 0);
    sum += turns[i];
    check_equal(turns[i], token / THREADS + (i < token % THREADS));
  }
  check_equal(sum, token);
  pass();
}

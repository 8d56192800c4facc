// Protection key rights of each thread, in the register that they have for it.
#include "woodfrog-test.h"

static int key;

static void *other(void *arg) {
  check_equal(pkey_set(key, PKEY_DISABLE_WRITE), 0);
  wait_release();
  check_equal(pkey_get(key), PKEY_DISABLE_WRITE);
  return NULL;
}

int main(int argc, char **argv) {
  setup(argc, argv);
  key = pkey_alloc(0, PKEY_DISABLE_ACCESS);
  if (key < 0) skip("no protection keys");
  check_equal(pkey_free(key), 0);
  // A right without a key: no mapping has it.
  check_equal(pkey_set(key, PKEY_DISABLE_ACCESS), 0);
  pthread_t thread;
  pthread_create(&thread, NULL, other, NULL);
  nap(30);
  ready();
  check_equal(pkey_get(key), PKEY_DISABLE_ACCESS);
  pthread_join(thread, NULL);
  pass();
}

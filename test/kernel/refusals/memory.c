// Mappings of special memory: System V segments and huge pages.
#include <sys/shm.h>

#include "woodfrog-test.h"

static void play_sysv(void) {
  int id = shmget(IPC_PRIVATE, 3 * PAGE, IPC_CREAT | 0600);
  if (id < 0) skip("no System V shared memory here");
  char *at = shmat(id, NULL, 0);
  check(at != (void *)-1);
  // Goes with its last user, so that nothing is left behind.
  check_equal(shmctl(id, IPC_RMID, NULL), 0);
  strcpy(at, "content");
  ready();
  check_text(at, "content");
}

static void play_huge(void) {
  void *at = mmap(NULL, 2ul << 20, PROT_READ | PROT_WRITE,
                  MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB | MAP_NORESERVE, -1, 0);
  if (at == MAP_FAILED) skip("no huge pages here");
  ready();
  check_equal(munmap(at, 2ul << 20), 0);
}

int main(int argc, char **argv) {
  setup(argc, argv);
  play((struct test_case[]){{"sysv", play_sysv}, {"huge", play_huge}, {0}});
}

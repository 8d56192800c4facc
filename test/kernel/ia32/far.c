// A child of a 32-bit program that runs 64-bit code, behind a far jump: pause(2) by `syscall`, again and again.
#include "woodfrog-test.h"

int main(int argc, char **argv) {
  setup(argc, argv);
  static const unsigned char code[] = {0xb8, 34, 0, 0, 0, 0x0f, 0x05, 0xeb, 0xf7};
  unsigned char *at = mmap(NULL, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  check(at != MAP_FAILED);
  memcpy(at, code, sizeof code);
  pid_t child = fork();
  if (child == 0) {
    mark("child");
    __asm__ volatile("pushl $0x33\n\tpushl %0\n\tlret" ::"r"(at) : "memory");
  }
  await_mark("child");
  nap(20);
  ready();
  int status;
  check_equal(waitpid(child, &status, WNOHANG), 0);
  check_equal(kill(child, SIGKILL), 0);
  check_equal(waitpid(child, &status, 0), child);
  pass();
}

// Protections: data behind PROT_NONE and read-only mappings comes back, code runs, guards still
// fault.
#include <setjmp.h>

#include "woodfrog-test.h"

static sigjmp_buf out;
static void on_fault(int signal) { siglongjmp(out, signal); }

static int faults(volatile unsigned char *at, int writing) {
  if (sigsetjmp(out, 1) != 0) return 1;
  if (writing) *at = 1;
  else (void)*at;
  return 0;
}

static unsigned char *map(int prot) {
  unsigned char *at = mmap(NULL, 2 * PAGE, prot, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  check(at != MAP_FAILED);
  return at;
}

int main(int argc, char **argv) {
  setup(argc, argv);
  unsigned char *none = map(PROT_READ | PROT_WRITE), *read_only = map(PROT_READ | PROT_WRITE);
  unsigned char *code = map(PROT_READ | PROT_WRITE), *guard = map(PROT_NONE),
                *all = map(PROT_READ | PROT_WRITE | PROT_EXEC);
  unsigned char *write_only = map(PROT_WRITE), *execute_only = map(PROT_READ | PROT_WRITE);
  const unsigned char forty_two[] = {0xb8, 42, 0, 0, 0, 0xc3};  // mov eax, 42; ret
  fill(none, 2 * PAGE, 1);
  check_equal(mprotect(none, 2 * PAGE, PROT_NONE), 0);
  fill(read_only, 2 * PAGE, 2);
  check_equal(mprotect(read_only, 2 * PAGE, PROT_READ), 0);
  memcpy(code, forty_two, sizeof forty_two);
  check_equal(mprotect(code, 2 * PAGE, PROT_READ | PROT_EXEC), 0);
  memcpy(execute_only, forty_two, sizeof forty_two);
  check_equal(mprotect(execute_only, 2 * PAGE, PROT_EXEC), 0);
  memcpy(all, forty_two, sizeof forty_two);
  *(volatile unsigned char *)write_only = 9;
  struct sigaction action = {.sa_handler = on_fault};
  sigaction(SIGSEGV, &action, NULL);

  ready();

  check(faults(none, 0) && faults(guard, 0) && faults(guard, 1));
  check(!faults(read_only, 0) && faults(read_only, 1));
  check(!faults(code, 0) && faults(code, 1) && !faults(all, 1));
  check(!faults(write_only, 1));
  memcpy(all, forty_two, sizeof forty_two);
  check_equal(((int (*)(void))code)(), 42);
  check_equal(((int (*)(void))execute_only)(), 42);
  check_equal(((int (*)(void))all)(), 42);
  check_fill(read_only, 2 * PAGE, 2);
  check_equal(mprotect(none, 2 * PAGE, PROT_READ), 0);
  check_fill(none, 2 * PAGE, 1);
  check_equal(mprotect(guard, 2 * PAGE, PROT_READ | PROT_WRITE), 0);
  for (size_t i = 0; i < 2 * PAGE; i++) check_equal(guard[i], 0);
  check_equal(mprotect(write_only, PAGE, PROT_READ), 0);
  check_equal(write_only[0], 1);
  pass();
}

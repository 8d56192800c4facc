// A thread that spends its life inside a restartable sequence: an endless jump, from which it gets by the abort handler
// alone, whenever it was preempted, and at last because it is told to. It prints where the section is.
#include <linux/rseq.h>

#include "woodfrog-test.h"

extern const ptrdiff_t __rseq_offset __attribute__((weak));
extern const unsigned __rseq_size __attribute__((weak));
extern char section_start[], section_end[], section_abort[];
static struct rseq_cs section __attribute__((aligned(32)));
static volatile int told;
static unsigned long aborts;

// The signature that glibc registered stands before the abort handler.
#define SIGNATURE ".long 0x53053053\n"

static void *live(void *arg) {
  struct rseq *area = (void *)((char *)__builtin_thread_pointer() + __rseq_offset);
  section = (struct rseq_cs){.start_ip = (uintptr_t)section_start,
                             .post_commit_offset = section_end - section_start,
                             .abort_ip = (uintptr_t)section_abort};
  while (!told) {
    int aborted;
    area->rseq_cs = (uintptr_t)&section;
    __asm__ volatile(
        ".globl section_start, section_end, section_abort\n"
        "section_start:\n"
        "1: jmp 1b\n"
        "section_end:\n"
        "  ud2\n" SIGNATURE
        "section_abort:\n"
        "  movl $1, %0\n"
        : "=r"(aborted)
        :
        : "memory");
    aborts += aborted;
    check_equal(area->rseq_cs, 0);
  }
  return NULL;
}

static void wake(int signal) {}

int main(int argc, char **argv) {
  setup(argc, argv);
  if (&__rseq_size == NULL || __rseq_size == 0) skip("glibc registers no rseq area");
  signal(SIGUSR1, wake);
  pthread_t thread;
  pthread_create(&thread, NULL, live, NULL);
  nap(30);
  say("SECTION %lx %lx %lx\n", (long)section_start, (long)section_end, (long)section_abort);
  ready();
  told = 1;
  // A signal ends a restartable sequence.
  pthread_kill(thread, SIGUSR1);
  pthread_join(thread, NULL);
  check(aborts > 0);
  pass();
}

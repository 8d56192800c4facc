// Segments of 64-bit threads. Case 'bases': fs and gs bases of each thread, high addresses. Case 'descriptors':
// thread-local segments of the GDT (set_thread_area(2), a 32-bit system call), different in each thread, and the
// selectors that gs, ds and es hold.
#include <asm/ldt.h>
#include <asm/prctl.h>

#include "woodfrog-test.h"

enum { THREADS = 3, WORDS = 8, SET_THREAD_AREA = 243, GET_THREAD_AREA = 244 };

static uint64_t high[THREADS][WORDS];
static int checked;

static uint64_t gs_word(long i) {
  uint64_t value;
  __asm__ volatile("movq %%gs:(%1), %0" : "=r"(value) : "r"(i * 8));
  return value;
}

static void *bases_of(void *arg) {
  long own = (long)arg;
  fill(high[own], sizeof high[own], own + 1);
  unsigned long fs, gs;
  check_equal(syscall(SYS_arch_prctl, ARCH_GET_FS, &fs), 0);
  check_equal(syscall(SYS_arch_prctl, ARCH_SET_GS, high[own]), 0);
  if (own == 0) ready();
  wait_release();
  check_equal(syscall(SYS_arch_prctl, ARCH_GET_GS, &gs), 0);
  check_equal(gs, (unsigned long)high[own]);
  check_equal(syscall(SYS_arch_prctl, ARCH_GET_FS, &gs), 0);
  check_equal(gs, fs);
  check_equal((unsigned long)__builtin_thread_pointer(), fs);
  for (int i = 0; i < WORDS; i++) check_equal(gs_word(i), high[own][i]);
  __atomic_add_fetch(&checked, 1, __ATOMIC_SEQ_CST);
  return NULL;
}

static void run(void *(*work)(void *)) {
  pthread_t threads[THREADS];
  for (long i = 1; i < THREADS; i++) pthread_create(&threads[i], NULL, work, (void *)i);
  nap(50);
  work((void *)0);
  for (long i = 1; i < THREADS; i++) pthread_join(threads[i], NULL);
  check_equal(checked, THREADS);
}

static void bases(void) { run(bases_of); }

// 32-bit calls take pointers of 32 bits.
static unsigned char *low;

static long call32(long nr, void *arg) {
  long result;
  __asm__ volatile("int $0x80" : "=a"(result) : "a"(nr), "b"(arg) : "memory", "r8", "r9", "r10", "r11");
  return (int)result;
}

static void *descriptors_of(void *arg) {
  long own = (long)arg;
  struct user_desc *desc = (void *)(low + own * PAGE), before[3];
  uint64_t *words = (void *)(low + own * PAGE + 2048);
  fill(words, WORDS * 8, own + 10);
  *desc = (struct user_desc){.entry_number = 12 + own,
                             .base_addr = (unsigned)(uintptr_t)words,
                             .limit = 0xfffff,
                             .seg_32bit = 1,
                             .limit_in_pages = 1,
                             .useable = own == 1};
  long result = call32(SET_THREAD_AREA, desc);
  if (result == -ENOSYS || result == -EFAULT) skip("no 32-bit system calls");
  check_equal(result, 0);
  // A second one: read only, growing down, small.
  *desc = (struct user_desc){.entry_number = 12 + (own + 1) % 3,
                             .base_addr = 0x1234,
                             .limit = 0x77,
                             .seg_32bit = 1,
                             .contents = 1,
                             .read_exec_only = 1};
  check_equal(call32(SET_THREAD_AREA, desc), 0);
  for (int i = 0; i < 3; i++) {
    desc->entry_number = 12 + i;
    check_equal(call32(GET_THREAD_AREA, desc), 0);
    before[i] = *desc;
  }
  unsigned short selector = (12 + own) * 8 + 3, data = 0x2b;
  __asm__ volatile("movw %0, %%gs" ::"r"(selector));
  __asm__ volatile("movw %0, %%ds\n\tmovw %0, %%es" ::"r"(data));
  if (own == 0) ready();
  wait_release();
  unsigned short gs, ds, es;
  __asm__ volatile("movw %%gs, %0\n\tmovw %%ds, %1\n\tmovw %%es, %2" : "=r"(gs), "=r"(ds), "=r"(es));
  check_equal(gs, selector);
  check_equal(ds, data);
  check_equal(es, data);
  for (int i = 0; i < WORDS; i++) check_equal(gs_word(i), words[i]);
  for (int i = 0; i < 3; i++) {
    desc->entry_number = 12 + i;
    check_equal(call32(GET_THREAD_AREA, desc), 0);
    if (memcmp(desc, &before[i], sizeof *desc) != 0) fail("descriptor %d of thread %ld differs", i, own);
  }
  // It is the descriptor that counts, once it is loaded anew.
  __asm__ volatile("movw %0, %%gs" ::"r"(selector));
  for (int i = 0; i < WORDS; i++) check_equal(gs_word(i), words[i]);
  __atomic_add_fetch(&checked, 1, __ATOMIC_SEQ_CST);
  return NULL;
}

static void descriptors(void) {
  low = mmap(NULL, THREADS * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
  check(low != MAP_FAILED);
  run(descriptors_of);
}

int main(int argc, char **argv) {
  setup(argc, argv);
  static const struct test_case cases[] = {{"bases", bases}, {"descriptors", descriptors}, {0}};
  play(cases);
}

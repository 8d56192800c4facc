// Registers of 32-bit code, held in an endless jump while the checkpoint happens: the general ones and flags, the x87
// stack with its control word, mxcsr, and the vector registers as wide as the processor has them. A signal handler
// moves the thread out of the jump, and everything is stored and compared. Case 'leader': it is the main thread's.
#include <ucontext.h>

#include "woodfrog-test.h"

struct state {
  uint32_t general[7];  // eax ebx ecx edx esi edi ebp
  uint32_t flags;
  uint8_t vectors[8][32] __attribute__((aligned(32)));
  uint8_t x87[112];  // As fnsave has it.
  uint32_t mxcsr;
} __attribute__((aligned(64)));
_Static_assert(offsetof(struct state, vectors) == 32, "known to the assembly");
_Static_assert(offsetof(struct state, x87) == 288, "known to the assembly");
_Static_assert(offsetof(struct state, mxcsr) == 400, "known to the assembly");

struct state wanted __attribute__((visibility("hidden")));
struct state found __attribute__((visibility("hidden")));
void hold_sse(void), hold_avx(void);
extern char leave_sse[], leave_avx[];

// The address of `found` is pushed before the registers are filled: a register for it is taken when they are left.
__asm__(
    ".macro hold name, move, reg\n"
    ".globl hold_\\name, leave_\\name\n"
    "hold_\\name:\n"
    "  pushl %ebx\n  pushl %esi\n  pushl %edi\n  pushl %ebp\n"
    "  movl 20(%esp), %eax\n  pushl 24(%esp)\n"
    "  frstor 288(%eax)\n  ldmxcsr 400(%eax)\n"
    "  \\move 32(%eax), %\\reg\\()0\n  \\move 64(%eax), %\\reg\\()1\n"
    "  \\move 96(%eax), %\\reg\\()2\n  \\move 128(%eax), %\\reg\\()3\n"
    "  \\move 160(%eax), %\\reg\\()4\n  \\move 192(%eax), %\\reg\\()5\n"
    "  \\move 224(%eax), %\\reg\\()6\n  \\move 256(%eax), %\\reg\\()7\n"
    "  movl 4(%eax), %ebx\n  movl 8(%eax), %ecx\n  movl 12(%eax), %edx\n"
    "  movl 16(%eax), %esi\n  movl 20(%eax), %edi\n  movl 24(%eax), %ebp\n"
    "  pushl 28(%eax)\n  movl (%eax), %eax\n  popfl\n"
    "1: jmp 1b\n"
    "leave_\\name:\n"
    "  xchgl %eax, (%esp)\n  popl (%eax)\n  pushfl\n  popl 28(%eax)\n  cld\n"
    "  movl %ebx, 4(%eax)\n  movl %ecx, 8(%eax)\n  movl %edx, 12(%eax)\n"
    "  movl %esi, 16(%eax)\n  movl %edi, 20(%eax)\n  movl %ebp, 24(%eax)\n"
    "  \\move %\\reg\\()0, 32(%eax)\n  \\move %\\reg\\()1, 64(%eax)\n"
    "  \\move %\\reg\\()2, 96(%eax)\n  \\move %\\reg\\()3, 128(%eax)\n"
    "  \\move %\\reg\\()4, 160(%eax)\n  \\move %\\reg\\()5, 192(%eax)\n"
    "  \\move %\\reg\\()6, 224(%eax)\n  \\move %\\reg\\()7, 256(%eax)\n"
    "  fnsave 288(%eax)\n  stmxcsr 400(%eax)\n"
    "  popl %ebp\n  popl %edi\n  popl %esi\n  popl %ebx\n  ret\n"
    ".endm\n"
    "hold sse, movaps, xmm\n"
    "hold avx, vmovaps, ymm\n");

static char *leave;
static void (*hold)(struct state *from, struct state *to);
static volatile int entered;

static void move_on(int signal, siginfo_t *info, void *context) {
  ((ucontext_t *)context)->uc_mcontext.gregs[REG_EIP] = (greg_t)leave;
}

static void *spin(void *arg) {
  entered = gettid();
  hold(&wanted, &found);
  // fnsave left the default control word; mxcsr is still ours.
  __asm__ volatile("ldmxcsr %0" ::"m"((uint32_t){0x1f80}));
  return NULL;
}

static void *watch(void *spinning) {
  while (!entered) nap(1);
  nap(30);

  ready();

  check_equal(pthread_kill(*(pthread_t *)spinning, SIGUSR1), 0);
  return NULL;
}

static void fill_x87(void) {
  unsigned short control = 0x0c7f;  // Round to zero, single precision.
  __asm__ volatile(
      "fninit\n\tfldpi\n\tfldl2e\n\tfldln2\n\tfld1\n\tfldl2t\n\tfldcw %1\n\tfnsave %0\n\t"
      : "=m"(wanted.x87)
      : "m"(control));
}

int main(int argc, char **argv) {
  setup(argc, argv);
  fill(&wanted, sizeof wanted, 1);
  wanted.flags = 0xed7;    // CF PF AF ZF SF DF OF, the fixed bit 1 and IF.
  wanted.mxcsr = 0xbfa0;   // Flush to zero, round down, precision exception seen.
  fill_x87();
  size_t width = 16;
  hold = (void *)hold_sse, leave = leave_sse;
  if (__builtin_cpu_supports("avx")) hold = (void *)hold_avx, leave = leave_avx, width = 32;
  struct sigaction action = {.sa_sigaction = move_on, .sa_flags = SA_SIGINFO};
  sigaction(SIGUSR1, &action, NULL);
  pthread_t other, main_thread = pthread_self();
  if (strcmp(test_case, "leader") == 0) {
    pthread_create(&other, NULL, watch, &main_thread);
    spin(NULL);
    pthread_join(other, NULL);
  } else {
    pthread_create(&other, NULL, spin, NULL);
    watch(&other);
    pthread_join(other, NULL);
  }
  for (int i = 0; i < 7; i++)
    if (found.general[i] != wanted.general[i])
      fail("general register %d is %#x, not %#x", i, found.general[i], wanted.general[i]);
  check_equal(found.flags, wanted.flags);
  check_equal(found.mxcsr, wanted.mxcsr);
  for (int i = 0; i < 8; i++)
    if (memcmp(found.vectors[i], wanted.vectors[i], width) != 0)
      fail("vector register %d (%zu bytes) differs", i, width);
  // Control, status and tag word, then the eight registers; in between, instruction pointers that FXSAVE may drop.
  for (int i = 0; i < 12; i += 4)
    check_equal(*(uint16_t *)(found.x87 + i), *(uint16_t *)(wanted.x87 + i));
  if (memcmp(found.x87 + 28, wanted.x87 + 28, 80) != 0) fail("the x87 registers differ");
  pass();
}

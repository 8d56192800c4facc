// Registers, held in an endless jump while the checkpoint happens: the general ones and flags, the
// x87 stack with its control word, mxcsr, and the vector registers up to the widest that the
// processor has. A signal handler moves the thread out of the jump, and everything is stored and
// compared.
#include <ucontext.h>

#include "woodfrog-test.h"

struct state {
  uint64_t general[15];  // rax rbx rcx rdx rsi rdi rbp r8-r15
  uint64_t flags;
  uint8_t vectors[32][64];
  uint64_t masks[8];
  uint8_t x87[112];  // As fnsave has it.
  uint32_t mxcsr;
} __attribute__((aligned(64)));
_Static_assert(offsetof(struct state, vectors) == 128, "known to the assembly");
_Static_assert(offsetof(struct state, masks) == 2176, "known to the assembly");
_Static_assert(offsetof(struct state, x87) == 2240, "known to the assembly");
_Static_assert(offsetof(struct state, mxcsr) == 2352, "known to the assembly");

struct state wanted, found;
void hold_sse(void), hold_avx(void), hold_avx512(void);
extern char leave_sse[], leave_avx[], leave_avx512[];

__asm__(
    ".macro general action\n"
    "  \\action rbx, 8\n  \\action rcx, 16\n  \\action rdx, 24\n  \\action rsi, 32\n  \\action "
    "rdi, 40\n"
    "  \\action rbp, 48\n  \\action r8, 56\n  \\action r9, 64\n  \\action r10, 72\n  \\action r11, "
    "80\n"
    "  \\action r12, 88\n  \\action r13, 96\n  \\action r14, 104\n  \\action r15, 112\n"
    ".endm\n"
    ".macro load reg, at\n  movq \\at(%rax), %\\reg\n.endm\n"
    ".macro store reg, at\n  movq %\\reg, \\at(%rax)\n.endm\n"
    ".macro hold name, move, reg, count, masks\n"
    ".globl hold_\\name, leave_\\name\n"
    "hold_\\name:\n"
    "  pushq %rbx\n  pushq %rbp\n  pushq %r12\n  pushq %r13\n  pushq %r14\n  pushq %r15\n"
    "  leaq wanted(%rip), %rax\n"
    "  frstor 2240(%rax)\n  ldmxcsr 2352(%rax)\n"
    "  .set i, 0\n  .rept \\count\n  each load_vector \\move \\reg %i\n  .set i, i + 1\n  .endr\n"
    "  .if \\masks\n  .set i, 0\n  .rept 8\n  each load_mask 0 0 %i\n  .set i, i + 1\n  .endr\n  "
    ".endif\n"
    "  pushq 120(%rax)\n  popfq\n"
    "  general load\n"
    "  movq (%rax), %rax\n"
    "1: jmp 1b\n"
    "leave_\\name:\n"
    "  pushq %rax\n  leaq found(%rip), %rax\n  popq (%rax)\n"
    "  pushfq\n  popq 120(%rax)\n  cld\n"
    "  general store\n"
    "  .set i, 0\n  .rept \\count\n  each store_vector \\move \\reg %i\n  .set i, i + 1\n  .endr\n"
    "  .if \\masks\n  .set i, 0\n  .rept 8\n  each store_mask 0 0 %i\n  .set i, i + 1\n  .endr\n  "
    ".endif\n"
    "  fnsave 2240(%rax)\n  stmxcsr 2352(%rax)\n"
    "  popq %r15\n  popq %r14\n  popq %r13\n  popq %r12\n  popq %rbp\n  popq %rbx\n  ret\n"
    ".endm\n"
    ".altmacro\n"
    ".macro each what, move, reg, i\n  \\what \\move \\reg \\i\n.endm\n"
    ".macro load_vector move, reg, i\n  \\move 128+64*\\i(%rax), %\\reg\\i\n.endm\n"
    ".macro store_vector move, reg, i\n  \\move %\\reg\\i, 128+64*\\i(%rax)\n.endm\n"
    ".macro load_mask move, reg, i\n  kmovw 2176+8*\\i(%rax), %k\\i\n.endm\n"
    ".macro store_mask move, reg, i\n  kmovw %k\\i, 2176+8*\\i(%rax)\n.endm\n"
    "hold sse, movaps, xmm, 16, 0\n"
    "hold avx, vmovaps, ymm, 16, 0\n"
    "hold avx512, vmovaps, zmm, 32, 1\n"
    ".noaltmacro\n");

static char *leave;
static void (*hold)(void);
static volatile int entered;

static void move_on(int signal, siginfo_t *info, void *context) {
  ((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP] = (greg_t)leave;
}

static void *spin(void *arg) {
  entered = gettid();
  hold();
  // fnsave left the default control word; mxcsr is still ours.
  __asm__ volatile("ldmxcsr %0" ::"m"((uint32_t){0x1f80}));
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
  // CF PF AF ZF SF DF OF, the fixed bit 1 and IF.
  wanted.flags = 0xed7;
  wanted.mxcsr = 0xbfa0;  // Flush to zero, round down, precision exception seen.
  fill_x87();
  size_t width = 16;
  int vectors = 16, masks = 0;
  hold = hold_sse, leave = leave_sse;
  if (__builtin_cpu_supports("avx")) hold = hold_avx, leave = leave_avx, width = 32;
  if (__builtin_cpu_supports("avx512f"))
    hold = hold_avx512, leave = leave_avx512, width = 64, vectors = 32, masks = 1;
  struct sigaction action = {.sa_sigaction = move_on, .sa_flags = SA_SIGINFO};
  sigaction(SIGUSR1, &action, NULL);
  pthread_t thread;
  pthread_create(&thread, NULL, spin, NULL);
  while (!entered) nap(1);
  nap(30);

  ready();

  check_equal(pthread_kill(thread, SIGUSR1), 0);
  pthread_join(thread, NULL);
  for (int i = 0; i < 15; i++)
    if (found.general[i] != wanted.general[i])
      fail("general register %d is %#llx, not %#llx", i, (long long)found.general[i],
           (long long)wanted.general[i]);
  check_equal(found.flags, wanted.flags);
  check_equal(found.mxcsr, wanted.mxcsr);
  for (int i = 0; i < vectors; i++)
    if (memcmp(found.vectors[i], wanted.vectors[i], width) != 0)
      fail("vector register %d (%zu bytes) differs", i, width);
  for (int i = 0; masks && i < 8; i++)
    check_equal(found.masks[i] & 0xFFFF, wanted.masks[i] & 0xFFFF);
  // Control, status and tag word, then the eight registers; in between, instruction pointers that
  // FXSAVE may drop.
  for (int i = 0; i < 12; i += 4)
    check_equal(*(uint16_t *)(found.x87 + i), *(uint16_t *)(wanted.x87 + i));
  if (memcmp(found.x87 + 28, wanted.x87 + 28, 80) != 0) fail("the x87 registers differ");
  pass();
}

// 32-bit code without a libc: not a word below its stack pointer or in a thread-local segment is as others have it, and
// its system calls are made by an `int $0x80` of its own. Waits in nanosleep(2), then looks for the release file.
typedef unsigned int word;

static long call(long nr, long a, long b, long c) {
  long result;
  __asm__ volatile("int $0x80" : "=a"(result) : "a"(nr), "b"(a), "c"(b), "d"(c) : "memory");
  return result;
}
enum { EXIT = 1, WRITE = 4, ACCESS = 33, NANOSLEEP = 162 };

static word kept[1024] = {1};

static void check(int is_so) {
  if (is_so) return;
  call(WRITE, 1, (long)"FAIL: differs\n", 14);
  call(EXIT, 1, 0, 0);
}

__attribute__((used, noreturn)) static void begin(word *stack) {
  const char *release = (const char *)stack[2];
  word selectors[2], now[2];
  __asm__ volatile("movw %%gs, %w0\n\tmovw %%fs, %w1" : "=r"(selectors[0]), "=r"(selectors[1]));
  for (word i = 1; i < 1024; i++) kept[i] = kept[i - 1] * 69069 + 1;
  call(WRITE, 1, (long)"READY\n", 6);
  long time[2] = {0, 5000000};
  while (call(ACCESS, (long)release, 0, 0) != 0) check(call(NANOSLEEP, (long)time, 0, 0) == 0);
  for (word i = 1; i < 1024; i++) check(kept[i] == kept[i - 1] * 69069 + 1);
  __asm__ volatile("movw %%gs, %w0\n\tmovw %%fs, %w1" : "=r"(now[0]), "=r"(now[1]));
  check((now[0] & 0xffff) == (selectors[0] & 0xffff) && (now[1] & 0xffff) == (selectors[1] & 0xffff));
  call(WRITE, 1, (long)"PASS\n", 5);
  for (;;) call(EXIT, 0, 0, 0);
}

__asm__(".globl _start\n_start:\n  movl %esp, %eax\n  andl $-16, %esp\n  subl $12, %esp\n  pushl %eax\n  call begin\n");

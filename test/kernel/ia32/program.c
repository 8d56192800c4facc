// What the kernel keeps apart for a program of 32-bit code: thread-local segments, the frames of its signal handlers
// (with and without SA_SIGINFO, SA_RESTORER), the robust list, the vdso; and where mmap(2) and brk(2) find memory.
#include <asm/ldt.h>
#include <dlfcn.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <ucontext.h>

#include "woodfrog-test.h"

enum { THREADS = 3, WORDS = 64, SPARE_ENTRY = 13 };

static __thread int own = -1;
static uint32_t spare[THREADS][WORDS];
static int checked;

static uint32_t fs_word(int i) {
  uint32_t value;
  __asm__ volatile("movl %%fs:(%1), %0" : "=r"(value) : "r"(i * 4));
  return value;
}

// glibc has entry 12 (gs); another one of each thread's own is reached by fs.
static void *segments_of(void *arg) {
  own = (int)(intptr_t)arg;
  fill(spare[own], sizeof spare[own], own + 1);
  struct user_desc desc = {.entry_number = SPARE_ENTRY, .base_addr = (uintptr_t)spare[own],
                           .limit = sizeof spare[own] - 1, .seg_32bit = 1, .useable = 1};
  check_equal(syscall(SYS_set_thread_area, &desc), 0);
  __asm__ volatile("movw %w0, %%fs" ::"r"(SPARE_ENTRY * 8 + 3));
  void *self;
  __asm__ volatile("movl %%gs:0, %0" : "=r"(self));
  if (own == 0) ready();
  wait_release();
  void *still;
  __asm__ volatile("movl %%gs:0, %0" : "=r"(still));
  check(still == self);
  check_equal(own, (int)(intptr_t)arg);
  for (int i = 0; i < WORDS; i++) check_equal(fs_word(i), spare[own][i]);
  struct user_desc now = {.entry_number = SPARE_ENTRY};
  check_equal(syscall(SYS_get_thread_area, &now), 0);
  check(memcmp(&now, &desc, sizeof now) == 0);
  __atomic_add_fetch(&checked, 1, __ATOMIC_SEQ_CST);
  return NULL;
}

static void segments(void) {
  pthread_t threads[THREADS];
  for (long i = 1; i < THREADS; i++) pthread_create(&threads[i], NULL, segments_of, (void *)i);
  nap(50);
  segments_of(NULL);
  for (long i = 1; i < THREADS; i++) pthread_join(threads[i], NULL);
  check_equal(checked, THREADS);
}

static volatile int handled;
static double volatile in_x87 = 1.5;

static void plain(int signal) { handled = signal; }
static void with_info(int signal, siginfo_t *info, void *context) {
  ucontext_t *interrupted = context;
  check_equal(info->si_signo, signal);
  check_equal(info->si_pid, getpid());
  check_equal(interrupted->uc_mcontext.gregs[REG_CS], 0x23);
  check(interrupted->uc_mcontext.fpregs != NULL);
  handled = info->si_value.sival_int;
}

struct action {
  void *handler;
  unsigned long flags;
  void *restorer;
  uint64_t mask;
};

// As libc for old programs: the kernel's own code in the vdso returns from the handler.
static void act(int signal, struct action action) {
  check_equal(syscall(SYS_rt_sigaction, signal, &action, NULL, 8), 0);
}

static void send(int signal, int wanted, union sigval value) {
  double before = in_x87 * 3;
  handled = 0;
  check_equal(sigqueue(getpid(), signal, value), 0);
  check_equal(handled, wanted);
  check(before == in_x87 * 3);
}

static void frames(void) {
  act(SIGUSR1, (struct action){plain, 0, NULL, 1});
  act(SIGUSR2, (struct action){with_info, SA_SIGINFO | SA_ONSTACK, NULL, 1ull << 40});
  static char stack[64 * 1024];
  stack_t alternate = {.ss_sp = stack, .ss_size = sizeof stack};
  check_equal(sigaltstack(&alternate, NULL), 0);
  union sigval value = {.sival_int = 4711};

  ready();

  send(SIGUSR1, SIGUSR1, value);
  send(SIGUSR2, 4711, value);
  struct action now;
  check_equal(syscall(SYS_rt_sigaction, SIGUSR2, NULL, &now, 8), 0);
  check(now.handler == with_info && now.restorer == NULL && now.mask == 1ull << 40);
  check_equal(now.flags, SA_SIGINFO | SA_ONSTACK);
}

// Memory of 32-bit code ends below 4 GiB, and it is all there.
static void memory(void) {
  char *before = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  char *high = mmap((void *)0xffffd000, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  check(before != MAP_FAILED);
  fill(before, PAGE, 3);
  char *end = sbrk(0);

  ready();

  check_fill(before, PAGE, 3);
  check(sbrk(0) == end && sbrk(16 * PAGE) == end);
  fill(end, 16 * PAGE, 4);
  check_fill(end, 16 * PAGE, 4);
  enum { COUNT = 200, LENGTH = 1 << 20 };
  static char *many[COUNT];
  for (int i = 0; i < COUNT; i++) {
    many[i] = mmap(NULL, LENGTH, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    check(many[i] != MAP_FAILED);
    many[i][0] = many[i][LENGTH - 1] = (char)i;
  }
  for (int i = 0; i < COUNT; i++) check(many[i][0] == (char)i && many[i][LENGTH - 1] == (char)i);
  char *moved = mremap(before, PAGE, 4 * PAGE, MREMAP_MAYMOVE);
  check(moved != MAP_FAILED);
  check_fill(moved, PAGE, 3);
  // Whatever a hint leads to, it comes back as an address of such code.
  check(high == MAP_FAILED || munmap(high, PAGE) == 0);
  check(malloc(64 << 20) != NULL);
}

static int (*clock_in_vdso)(clockid_t, struct timespec *);

// The time by the vdso's own function, at its address; and system calls by its __kernel_vsyscall and by int $0x80.
static void vdso(void) {
  void *handle = dlopen("linux-gate.so.1", RTLD_NOW | RTLD_NOLOAD);
  if (handle == NULL) skip("no vdso of 32-bit code");
  clock_in_vdso = dlsym(handle, "__vdso_clock_gettime64");
  if (clock_in_vdso == NULL) skip("no __vdso_clock_gettime64");
  struct { int64_t tv_sec, tv_nsec; } before, after, called;
  check_equal(clock_in_vdso(CLOCK_MONOTONIC, (void *)&before), 0);

  ready();

  check_equal(clock_in_vdso(CLOCK_MONOTONIC, (void *)&after), 0);
  check_equal(syscall(SYS_clock_gettime64, CLOCK_MONOTONIC, &called), 0);
  check(after.tv_sec >= before.tv_sec && called.tv_sec >= after.tv_sec);
  uintptr_t entry = getauxval(AT_SYSINFO);
  int pid;
  __asm__ volatile("call *%1" : "=a"(pid) : "r"(entry), "a"(SYS_getpid) : "memory");
  check_equal(pid, getpid());
  __asm__ volatile("int $0x80" : "=a"(pid) : "a"(SYS_getpid) : "memory");
  check_equal(pid, getpid());
}

// A filter that kills for every call but those of 32-bit code, as filters for such programs do.
static void confined(void) {
  struct sock_filter code[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_I386, 1, 0),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getpgid, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOTTY),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  struct sock_fprog program = {.len = sizeof code / sizeof *code, .filter = code};
  check_equal(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
  check_equal(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program), 0);

  ready();

  check_equal(getpgid(0), -1);
  check_equal(errno, ENOTTY);
  check(getppid() > 0);
  pid_t child = fork();
  if (child == 0) {
    int result;
    // getpid(2) as 64-bit code makes it, behind a far jump.
    __asm__ volatile(
        "pushl $0x33\n\tcall 1f\n1: addl $(2f - 1b), (%%esp)\n\tlret\n"
        "2: .byte 0xb8, 39, 0, 0, 0, 0x0f, 0x05\n\t"
        : "=a"(result)::"ecx", "memory");
    _exit(0);
  }
  int status;
  check_equal(waitpid(child, &status, 0), child);
  check(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS);
}

// It may start others, of either kind.
static void children(void) {
  int line[2];
  check_equal(pipe(line), 0);
  pid_t child = fork();
  if (child == 0) {
    wait_release();
    check_equal(write(line[1], "from a child", 12), 12);
    _exit(0);
  }

  ready();

  char text[13] = "";
  check_equal(read(line[0], text, 12), 12);
  check_text(text, "from a child");
  must_exit_well(child);
  check_equal(system("exec /bin/true"), 0);
  pid_t another = fork();
  if (another == 0) _exit(sizeof(void *) == 4 ? 0 : 1);
  must_exit_well(another);
}

int main(int argc, char **argv) {
  setup(argc, argv);
  play((struct test_case[]){{"segments", segments},
                            {"frames", frames},
                            {"memory", memory},
                            {"vdso", vdso},
                            {"confined", confined},
                            {"children", children},
                            {}});
}

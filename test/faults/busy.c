// The victim of the fault tests: threads, children, pipes with data, an open file, shared memory,
// signal state of many kinds. Each task beats in a slot of the file "beats", which the test reads
// from outside. Files never grow.
#include "woodfrog-test.h"

enum { THREADS = 3, CHILDREN = 3, SLOTS = 1 + THREADS + CHILDREN };
static volatile uint64_t *beats;
static unsigned char *shared, *own;
static int data[2], line[2], file, plain;

static void on_signal(int signal) {}

// Beats until released, looking after its state all the time.
static void beat(int slot) {
  for (unsigned long turn = 0; !released(); turn++) {
    beats[slot]++;
    if (turn % 64 == 0) {
      check_fill(own, 16 * PAGE, 1);
      check_fill(shared, 4 * PAGE, 2);
    }
    nap(1);
  }
}

static void *thread(void *arg) {
  int i = (int)(intptr_t)arg;
  sigset_t mask;
  sigemptyset(&mask);
  sigaddset(&mask, SIGRTMIN + i);
  // The signals that a careless tracer resets; case 'plain' spares it.
  if (i == 1 && !plain)
    sigaddset(&mask, SIGTRAP), sigaddset(&mask, SIGURG), sigaddset(&mask, SIGWINCH),
        sigaddset(&mask, SIGCHLD);
  pthread_sigmask(SIG_BLOCK, &mask, NULL);
  pthread_kill(pthread_self(), SIGRTMIN + i);
  beat(1 + i);
  return NULL;
}

int main(int argc, char **argv) {
  setup(argc, argv);
  plain = strcmp(test_case, "plain") == 0;
  int fd = open("beats", O_CREAT | O_RDWR, 0600);
  check_equal(ftruncate(fd, PAGE), 0);
  beats = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  close(fd);
  own = mmap(NULL, 16 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  shared = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  fill(own, 16 * PAGE, 1);
  fill(shared, 4 * PAGE, 2);
  check_equal(pipe(data) | pipe2(line, O_NONBLOCK), 0);
  check_equal(write(data[1], "in the pipe", 11), 11);
  file = open("file", O_CREAT | O_RDWR | O_CLOEXEC, 0600);
  check_equal(write(file, "some content", 12), 12);
  check_equal(lseek(file, 5, SEEK_SET), 5);
  struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
  sigaction(SIGUSR1, &action, NULL);
  if (!plain) signal(SIGTRAP, SIG_IGN);
  signal(SIGPIPE, SIG_IGN);
  sigset_t mask;
  sigemptyset(&mask);
  sigaddset(&mask, SIGUSR2);
  sigprocmask(SIG_BLOCK, &mask, NULL);
  raise(SIGUSR2);
  pid_t children[CHILDREN];
  for (int i = 0; i < CHILDREN; i++) {
    children[i] = fork();
    if (children[i] != 0) continue;
    if (i == 1) setsid();
    if (i == 2) setpgid(0, 0);
    beat(1 + THREADS + i);
    check_equal(lseek(file, 0, SEEK_CUR), 5);
    _exit(0);
  }
  pthread_t threads[THREADS];
  for (int i = 0; i < THREADS; i++) pthread_create(&threads[i], NULL, thread, (void *)(intptr_t)i);
  for (int i = 1; i < SLOTS; i++)
    while (beats[i] == 0) nap(1);
  say("READY\n");
  beat(0);
  for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
  for (int i = 0; i < CHILDREN; i++) must_exit_well(children[i]);
  char text[32] = {0};
  check_equal(read(data[0], text, 31), 11);
  check_text(text, "in the pipe");
  check_equal(read(file, text, 7), 7);
  check_equal(memcmp(text, "content", 7), 0);
  sigset_t pending;
  sigpending(&pending);
  check(sigismember(&pending, SIGUSR2));
  pass();
}

// The programs under measurement: argv[2] names the kind, argv[3] its size. Up to three of its
// tasks (the first, one in the middle, the last) stamp the real-time clock into the file "stamps"
// and note the longest gap they saw. It is the one clock that no time namespace shifts,
// CLOCK_MONOTONIC_RAW included (time_namespaces(7)).
#include "../test/support/woodfrog-test.h"
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>

struct slot {
  uint64_t longest_gap_ns, last_ns;
};
static struct slot *slots;

static uint64_t now(void) {
  struct timespec t;
  clock_gettime(CLOCK_REALTIME, &t);
  return t.tv_sec * 1000000000ull + t.tv_nsec;
}

static void stamp_until_released(struct slot *slot) {
  slot->last_ns = now();
  for (int turn = 1; turn % 100 || !released(); turn++) {
    struct timespec pause = {0, 50000};
    clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL);
    uint64_t t = now(), gap = t - slot->last_ns;
    if (gap > slot->longest_gap_ns) slot->longest_gap_ns = gap;
    slot->last_ns = t;
  }
}

// Which of `count` tasks stamps: the last in slot 2, the middle one in slot 1.
static struct slot *slot_of(int i, int count) {
  return i == count - 1 ? &slots[2] : i == count / 2 ? &slots[1] : NULL;
}

static int count;
static pthread_barrier_t all_there;

static void *thread(void *arg) {
  struct slot *slot = slot_of((int)(intptr_t)arg, count);
  pthread_barrier_wait(&all_there);
  if (slot != NULL) stamp_until_released(slot);
  else
    while (!released()) nap(200);
  return NULL;
}

static void go(void) {
  say("READY\n");
  stamp_until_released(&slots[0]);
}

static void threads(void) {
  pthread_t *ids = calloc(count, sizeof *ids);
  pthread_attr_t attr;
  pthread_attr_init(&attr);
  pthread_attr_setstacksize(&attr, 65536);
  pthread_barrier_init(&all_there, NULL, count + 1);
  for (int i = 0; i < count; i++)
    check_equal(pthread_create(&ids[i], &attr, thread, (void *)(intptr_t)i), 0);
  pthread_barrier_wait(&all_there);
  go();
  for (int i = 0; i < count; i++) pthread_join(ids[i], NULL);
}

static void tree(void) {
  pid_t *pids = calloc(count, sizeof *pids);
  for (int i = 0; i < count; i++) {
    pids[i] = fork();
    if (pids[i] != 0) continue;
    struct slot *slot = slot_of(i, count);
    if (slot != NULL) stamp_until_released(slot);
    else
      while (!released()) nap(200);
    _exit(0);
  }
  go();
  for (int i = 0; i < count; i++) must_exit_well(pids[i]);
}

static void memory(void) {
  size_t words = ((size_t)count << 20) / 8;
  uint64_t *area =
      mmap(NULL, words * 8, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  check(area != MAP_FAILED);
  for (size_t i = 0; i < words; i++) area[i] = (i + 1) * 0x9E3779B97F4A7C15ull;
  go();
  for (size_t i = 0; i < words; i += 64) check_equal(area[i], (i + 1) * 0x9E3779B97F4A7C15ull);
}

static void mappings(void) {
  unsigned char *area =
      mmap(NULL, count * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  check(area != MAP_FAILED);
  for (int i = 0; i < count; i++) {
    memcpy(area + i * PAGE, &i, sizeof i);
    if (i % 2) check_equal(mprotect(area + i * PAGE, PAGE, PROT_READ), 0);
  }
  go();
  for (int i = 0; i < count; i++) check_equal(*(int *)(area + i * PAGE), i);
}

static void files(void) {
  int *fds = calloc(count, sizeof *fds);
  for (int i = 0; i < count; i++) {
    char name[32];
    snprintf(name, sizeof name, "file-%d", i);
    fds[i] = open(name, O_CREAT | O_RDWR, 0600);
    check_equal(write(fds[i], name, strlen(name)), strlen(name));
  }
  go();
  for (int i = 0; i < count; i++) check(lseek(fds[i], 0, SEEK_CUR) >= 6);
}

static int opened(int fd) {
  check(fd >= 0);
  return fd;
}

static int kept(const char *name) {
  int fd = opened(open(name, O_CREAT | O_RDWR, 0600));
  check_equal(write(fd, name, strlen(name)), strlen(name));
  return fd;
}

static int epoll_of(int target) {
  int fd = opened(epoll_create1(0));
  struct epoll_event event = {EPOLLIN, {.fd = target}};
  check_equal(epoll_ctl(fd, EPOLL_CTL_ADD, target, &event), 0);
  return fd;
}

static int hourly(void) {
  int fd = opened(timerfd_create(CLOCK_MONOTONIC, 0));
  struct itimerspec hour = {{3600, 0}, {3600, 0}};
  check_equal(timerfd_settime(fd, 0, &hour, NULL), 0);
  return fd;
}

static int usr1(void) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGUSR1);
  return signalfd(-1, &set, 0);
}

static int watch_of(const char *name) {
  int fd = opened(inotify_init1(0));
  check(inotify_add_watch(fd, name, IN_ATTRIB) > 0);
  return fd;
}

// Turns of ten descriptors: both ends of a pipe, and one of each other kind.
static void mixed(void) {
  int turns = count / 10;
  int(*fds)[10] = calloc(turns, sizeof *fds);
  for (int i = 0; i < turns; i++) {
    int *fd = fds[i];
    char name[32], letter = 'a' + i % 26;
    snprintf(name, sizeof name, "mixed-%d", i);
    fd[0] = kept(name);
    fd[1] = opened(dup(fd[0]));
    check_equal(pipe(&fd[2]), 0);
    check_equal(write(fd[3], &letter, 1), 1);
    fd[4] = opened(eventfd(i, EFD_NONBLOCK));
    fd[5] = epoll_of(fd[4]);
    fd[6] = hourly();
    fd[7] = opened(usr1());
    // A user may have 128 instances of inotify.
    fd[8] = i % 4 ? opened(memfd_create(name, 0)) : watch_of(name);
    fd[9] = opened(open(".", O_RDONLY | O_DIRECTORY));
  }
  go();
  for (int i = 0; i < turns; i++) {
    int *fd = fds[i];
    char letter;
    uint64_t counter;
    check(lseek(fd[1], 0, SEEK_CUR) >= 7);
    check_equal(read(fd[2], &letter, 1), 1);
    check_equal(letter, 'a' + i % 26);
    check_equal(read(fd[4], &counter, sizeof counter), i ? 8 : -1);
    if (i) check_equal(counter, i);
  }
}

int main(int argc, char **argv) {
  setup(argc, argv);
  count = argc > 3 ? atoi(argv[3]) : 0;
  int fd = open("stamps", O_CREAT | O_RDWR, 0600);
  check_equal(ftruncate(fd, PAGE), 0);
  slots = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  check(slots != MAP_FAILED);
  close(fd);
  const struct {
    const char *name;
    void (*run)(void);
  } kinds[] = {{"idle", go},       {"threads", threads},   {"tree", tree},
               {"memory", memory}, {"mappings", mappings}, {"files", files},
               {"mixed", mixed}};
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
    if (strcmp(kinds[i].name, test_case) != 0) continue;
    kinds[i].run();
    pass();
  }
  fail("no workload '%s'", test_case);
}

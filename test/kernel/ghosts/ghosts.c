// Files and directories that have lost their names while they are open, mapped, run or worked in.
#include "woodfrog-test.h"

static void check_text_at(int fd, off_t at, const char *wanted) {
  char text[64] = {0};
  check_equal(pread(fd, text, strlen(wanted), at), strlen(wanted));
  check_text(text, wanted);
}

static int make(const char *name, int flags, mode_t mode) {
  int fd = open(name, O_CREAT | O_EXCL | flags, mode);
  check(fd >= 0);
  return fd;
}

static struct stat stat_of(int fd) {
  struct stat st;
  check_equal(fstat(fd, &st), 0);
  return st;
}

static void check_link(int fd, const char *wanted) {
  char path[64], target[4096] = {0}, folder[2048];
  snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
  check(readlink(path, target, sizeof target - 1) > 0);
  check(getcwd(folder, sizeof folder) != NULL);
  char full[4096];
  snprintf(full, sizeof full, "%s/%s (deleted)", folder, wanted);
  check_text(target, full);
}

static void check_absent(const char *name) {
  struct stat st;
  check_equal(lstat(name, &st), -1);
  check_equal(errno, ENOENT);
}

// Owner, mode, times, position, flags; two descriptions and a duplicate of one inode; a child shares one of them.
static void play_shared(void) {
  int fd = make("ghost", O_RDWR, 0600), append;
  check_equal(write(fd, "content", 7), 7);
  append = open("ghost", O_WRONLY | O_APPEND);
  int duplicate = dup(fd);
  check_equal(fchown(fd, 123, 456) | fchmod(fd, 06741), 0);
  struct timespec times[2] = {{1000000000, 111111000}, {1500000000, 222222000}};
  check_equal(futimens(fd, times), 0);
  check_equal(unlink("ghost"), 0);
  check_equal(lseek(fd, 3, SEEK_SET), 3);
  pid_t child = fork();
  if (child == 0) {
    int own = open("/proc/self/fd/3", O_RDONLY);
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/fd/%d", getppid(), fd);
    own = open(path, O_RDONLY);
    check(own >= 0);
    mark("child");
    wait_release();
    await_mark("parent");
    check_text_at(own, 0, "conXent!");
    check_equal(stat_of(own).st_ino, stat_of(fd).st_ino);
    _exit(0);
  }
  await_mark("child");
  ready();
  struct stat st = stat_of(fd), other = stat_of(append);
  check_equal(st.st_nlink, 0);
  check_equal(st.st_uid, 123);
  check_equal(st.st_gid, 456);
  check_equal(st.st_mode, S_IFREG | 06741);
  check_equal(st.st_mtim.tv_sec, 1500000000);
  check_equal(st.st_mtim.tv_nsec, 222222000);
  check_equal(st.st_ino, other.st_ino);
  check_equal(st.st_size, 7);
  check_equal(lseek(duplicate, 0, SEEK_CUR), 3);
  check_equal(write(fd, "X", 1), 1);
  check_equal(lseek(duplicate, 0, SEEK_CUR), 4);
  check_equal(write(append, "!", 1), 1);
  check_text_at(fd, 0, "conXent!");
  check_link(fd, "ghost");
  check_absent("ghost");
  mark("parent");
  must_exit_well(child);
}

// Both names of one inode are gone.
static void play_names(void) {
  int one = make("one", O_RDWR, 0600);
  check_equal(link("one", "two"), 0);
  int two = open("two", O_RDWR);
  check_equal(unlink("one") | unlink("two"), 0);
  ready();
  check_equal(stat_of(one).st_ino, stat_of(two).st_ino);
  check_equal(write(one, "both", 4), 4);
  check_text_at(two, 0, "both");
  check_link(one, "one");
  check_link(two, "two");
  check_absent("one");
  check_absent("two");
}

// Another file has the name now.
static void play_replaced(void) {
  int fd = make("name", O_RDWR, 0600), fresh = make("fresh", O_RDWR, 0600);
  check_equal(write(fd, "old", 3), 3);
  check_equal(write(fresh, "new!", 4), 4);
  check_equal(rename("fresh", "name"), 0);
  ready();
  check_text_at(fd, 0, "old");
  check_text_at(fresh, 0, "new!");
  check_equal(stat_of(fd).st_nlink, 0);
  struct stat st;
  check_equal(stat("name", &st), 0);
  check_equal(st.st_ino, stat_of(fresh).st_ino);
}

static void play_sparse(void) {
  int fd = make("sparse", O_RDWR, 0600);
  check_equal(ftruncate(fd, 1l << 32), 0);
  check_equal(pwrite(fd, "early", 5, 1 << 20), 5);
  check_equal(pwrite(fd, "late", 4, 3l << 30), 4);
  check_equal(unlink("sparse"), 0);
  ready();
  struct stat st = stat_of(fd);
  check_equal(st.st_size, 1l << 32);
  check(st.st_blocks * 512 < 1 << 20);
  check_text_at(fd, 1 << 20, "early");
  check_text_at(fd, 3l << 30, "late");
  char zero = 1;
  check_equal(pread(fd, &zero, 1, 2l << 30), 1);
  check_equal(zero, 0);
}

static void play_large(void) {
  int fd = make("large", O_RDWR, 0600);
  size_t length = 3 << 20;
  char *data = malloc(length);
  fill(data, length, 7);
  check_equal(write(fd, data, length), length);
  check_equal(unlink("large"), 0);
  memset(data, 0, length);
  ready();
  check_equal(pread(fd, data, length, 0), length);
  check_fill(data, length, 7);
}

// May still be given a name, which no other nameless file may.
static void play_nameless(void) {
  int fd = open(".", O_TMPFILE | O_RDWR, 0640);
  if (fd < 0) skip("no O_TMPFILE here");
  check_equal(write(fd, "content", 7), 7);
  ready();
  check_text_at(fd, 0, "content");
  check_equal(stat_of(fd).st_mode, S_IFREG | 0640);
  char path[64];
  snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
  check_equal(linkat(AT_FDCWD, path, AT_FDCWD, "published", AT_SYMLINK_FOLLOW), 0);
  struct stat st;
  check_equal(stat("published", &st), 0);
  check_equal(st.st_size, 7);
}

static void play_fifo(void) {
  check_equal(mkfifo("fifo", 0620), 0);
  int fd = open("fifo", O_RDWR);
  check_equal(fchmod(fd, 0622) | unlink("fifo"), 0);
  check_equal(write(fd, "x", 1), 1);
  ready();
  char byte;
  check_equal(read(fd, &byte, 1), 1);
  check_equal(stat_of(fd).st_mode, S_IFIFO | 0622);
  check_link(fd, "fifo");
  check_absent("fifo");
}

// A shared mapping, a private one with pages of its own, and no descriptor.
static void play_mapping(void) {
  int fd = make("mapped", O_RDWR, 0600);
  check_equal(ftruncate(fd, 2 * PAGE), 0);
  char *shared = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  char *private = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
  check(shared != MAP_FAILED && private != MAP_FAILED);
  strcpy(shared, "shared");
  strcpy(private + PAGE, "private");
  close(fd);
  check_equal(unlink("mapped"), 0);
  pid_t child = fork();
  if (child == 0) {
    wait_release();
    await_mark("written");
    check_text(shared, "written");
    _exit(0);
  }
  ready();
  check_text(shared, "shared");
  check_text(private, "shared");
  check_text(private + PAGE, "private");
  strcpy(shared, "written");
  check_text(private, "written");
  mark("written");
  must_exit_well(child);
}

// Descriptors of a directory that is gone, and of a file in it.
static void play_directory(void) {
  check_equal(mkdir("outer", 0700) | mkdir("outer/inner", 0711), 0);
  int dir = open("outer/inner", O_RDONLY | O_DIRECTORY);
  int fd = make("outer/inner/file", O_RDWR, 0600);
  check_equal(write(fd, "content", 7), 7);
  check_equal(unlink("outer/inner/file") | rmdir("outer/inner") | rmdir("outer"), 0);
  ready();
  check_text_at(fd, 0, "content");
  check_equal(stat_of(dir).st_mode, S_IFDIR | 0711);
  check_link(dir, "outer/inner");
  check_link(fd, "outer/inner/file");
  check_equal(mkdirat(dir, "new", 0700), -1);
  check_equal(errno, ENOENT);
  check_absent("outer");
}

static void play_cwd(void) {
  check_equal(mkdir("gone", 0700) | chdir("gone") | rmdir("../gone"), 0);
  ready();
  char path[100];
  check(getcwd(path, sizeof path) == NULL);
  check_equal(errno, ENOENT);
  struct stat st;
  check_equal(stat(".", &st), 0);
  check_equal(st.st_nlink, 0);
}

// The program itself and a file it maps to run are gone; a child runs it, too.
static void play_executable(void) {
  char self[4096] = {0};
  check(readlink("/proc/self/exe", self, sizeof self - 1) > 0);
  if (strstr(self, "/runner") == NULL) {
    char command[9000];
    snprintf(command, sizeof command, "cp '%s' runner", self);
    check_equal(system(command), 0);
    char *args[] = {"runner", (char *)release_path, "executable", NULL};
    execv("./runner", args);
    fail("execv");
  }
  check_equal(unlink("runner"), 0);
  pid_t child = fork();
  if (child == 0) {
    wait_release();
    _exit(0);
  }
  ready();
  char now[4096] = {0}, wanted[5000];
  check(readlink("/proc/self/exe", now, sizeof now - 1) > 0);
  snprintf(wanted, sizeof wanted, "%s (deleted)", self);
  check_text(now, wanted);
  must_exit_well(child);
  check_absent("runner");
}

// Another hard link is left: the file must stay that file.
static void play_linked(void) {
  int fd = make("one", O_RDWR, 0600);
  check_equal(link("one", "two") | unlink("one"), 0);
  pid_t child = fork();
  if (child == 0) {
    wait_release();
    await_mark("linked");
    check_text_at(fd, 0, "content");
    _exit(0);
  }
  ready();
  check_equal(write(fd, "content", 7), 7);
  struct stat st;
  check_equal(stat("two", &st), 0);
  check_equal(st.st_ino, stat_of(fd).st_ino);
  check_link(fd, "one");
  mark("linked");
  must_exit_well(child);
}

// The same of a file that is only mapped, in two folders; and of one that is only a path.
static void play_linked_mapping(void) {
  check_equal(mkdir("a", 0700) | mkdir("b", 0700), 0);
  int fd = make("a/mapped", O_RDWR, 0600);
  check_equal(ftruncate(fd, PAGE), 0);
  check_equal(link("a/mapped", "b/left") | unlink("a/mapped"), 0);
  char *shared = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  check(shared != MAP_FAILED);
  close(fd);
  fd = make("a/path", O_RDWR, 0600);
  int path = open("a/path", O_PATH);
  check_equal(link("a/path", "b/path") | unlink("a/path"), 0);
  close(fd);
  ready();
  strcpy(shared, "by the mapping");
  int left = open("b/left", O_RDONLY);
  check_text_at(left, 0, "by the mapping");
  struct stat st, there;
  check_equal(fstat(path, &st) | stat("b/path", &there), 0);
  check_equal(st.st_ino, there.st_ino);
  check_absent("a/mapped");
}

int main(int argc, char **argv) {
  setup(argc, argv);
  play((struct test_case[]){{"shared", play_shared},
                            {"names", play_names},
                            {"replaced", play_replaced},
                            {"sparse", play_sparse},
                            {"large", play_large},
                            {"nameless", play_nameless},
                            {"fifo", play_fifo},
                            {"mapping", play_mapping},
                            {"directory", play_directory},
                            {"cwd", play_cwd},
                            {"executable", play_executable},
                            {"linked", play_linked},
                            {"linked-mapping", play_linked_mapping},
                            {0}});
}

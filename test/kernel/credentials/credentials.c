// Credentials: ids, groups, capability sets, securebits and no_new_privs; threads may differ from
// their leader.
#include <grp.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>

#include "woodfrog-test.h"

struct seen {
  uid_t uid[3], gid[3];
  int fsuid, fsgid, groups, keep, securebits, no_new_privs, dumpable;
  gid_t list[64];
  struct __user_cap_data_struct caps[2];
  uint64_t bounding, ambient;
};

static struct seen look(void) {
  struct seen seen;
  memset(&seen, 0, sizeof seen);
  getresuid(&seen.uid[0], &seen.uid[1], &seen.uid[2]);
  getresgid(&seen.gid[0], &seen.gid[1], &seen.gid[2]);
  seen.fsuid = setfsuid(-1);
  seen.fsgid = setfsgid(-1);
  seen.groups = getgroups(64, seen.list);
  seen.keep = prctl(PR_GET_KEEPCAPS);
  seen.securebits = prctl(PR_GET_SECUREBITS);
  seen.no_new_privs = prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0);
  seen.dumpable = prctl(PR_GET_DUMPABLE);
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  check_equal(syscall(SYS_capget, &header, seen.caps), 0);
  for (int cap = 0; cap < 64; cap++) {
    if (prctl(PR_CAPBSET_READ, cap) == 1) seen.bounding |= 1ull << cap;
    if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, cap, 0, 0) == 1) seen.ambient |= 1ull << cap;
  }
  return seen;
}

static void set_caps(uint64_t effective, uint64_t permitted, uint64_t inheritable) {
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct data[2] = {{effective, permitted, inheritable},
                                           {effective >> 32, permitted >> 32, inheritable >> 32}};
  check_equal(syscall(SYS_capset, &header, data), 0);
}
#define CAP(name) (1ull << (name))

// Raw calls: glibc would change all threads at once.
static void become(uid_t r, uid_t e, uid_t s) { check_equal(syscall(SYS_setresuid, r, e, s), 0); }
static void become_group(gid_t r, gid_t e, gid_t s) {
  check_equal(syscall(SYS_setresgid, r, e, s), 0);
}

static void *thread(void *arg) {
  gid_t groups[] = {7, 8};
  check_equal(syscall(SYS_setgroups, 2, groups), 0);
  become_group(31, 32, 33);
  check_equal(prctl(PR_SET_KEEPCAPS, 1), 0);
  become(21, 22, 23);
  set_caps(CAP(CAP_KILL), CAP(CAP_KILL) | CAP(CAP_CHOWN), 0);
  struct seen before = look();
  mark("thread");
  wait_release();
  struct seen after = look();
  if (memcmp(&before, &after, sizeof before) != 0) fail("the thread's credentials changed");
  return NULL;
}

static void set_up(void) {
  gid_t groups[40];
  for (int i = 0; i < 40; i++) groups[i] = 1000 + 3 * i;
  if (strcmp(test_case, "root-reduced") == 0) {
    check_equal(prctl(PR_CAPBSET_DROP, CAP_SYS_MODULE), 0);
    check_equal(prctl(PR_CAPBSET_DROP, CAP_MKNOD), 0);
    check_equal(setgroups(40, groups), 0);
    set_caps(
        CAP(CAP_SETPCAP) | CAP(CAP_KILL) | CAP(CAP_SETGID),
        CAP(CAP_SETPCAP) | CAP(CAP_KILL) | CAP(CAP_SETGID) | CAP(CAP_NET_RAW) | CAP(CAP_SYS_ADMIN),
        CAP(CAP_NET_RAW) | CAP(CAP_KILL));
    check_equal(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_KILL, 0, 0), 0);
    check_equal(
        prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP | SECBIT_KEEP_CAPS | SECBIT_NOROOT_LOCKED),
        0);
    check_equal(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
    become_group(0, 50, 51);
    setfsgid(52);
  } else if (strcmp(test_case, "user") == 0) {
    check_equal(setgroups(3, groups), 0);
    become_group(1001, 1001, 1001);
    become(1001, 1001, 1001);
  } else if (strcmp(test_case, "mixed-ids") == 0) {
    check_equal(setgroups(0, groups), 0);
    become_group(2001, 2002, 2003);
    become(1001, 1002, 1003);
  } else if (strcmp(test_case, "user-with-caps") == 0) {
    check_equal(prctl(PR_SET_KEEPCAPS, 1), 0);
    become_group(1001, 1001, 1001);
    become(1001, 1001, 1001);
    set_caps(CAP(CAP_NET_BIND_SERVICE), CAP(CAP_NET_BIND_SERVICE) | CAP(CAP_SYS_TIME),
             CAP(CAP_NET_BIND_SERVICE));
    check_equal(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_NET_BIND_SERVICE, 0, 0), 0);
  } else if (strcmp(test_case, "child") == 0) {
    pid_t child = fork();
    if (child > 0) return;
    become(1234, 1234, 1234);
    mark("thread");
    wait_release();
    check_equal(getuid(), 1234);
    _exit(0);
  }
}

int main(int argc, char **argv) {
  setup(argc, argv);
  // A marker file and the release file must be visible to any user.
  check_equal(chmod(".", 0777), 0);
  int has_thread = strcmp(test_case, "thread") == 0;
  pthread_t other;
  if (has_thread) pthread_create(&other, NULL, thread, NULL);
  else set_up();
  if (has_thread || strcmp(test_case, "child") == 0) await_mark("thread");
  struct seen before = look();

  ready();

  struct seen after = look();
  for (int i = 0; i < 3; i++) {
    check_equal(after.uid[i], before.uid[i]);
    check_equal(after.gid[i], before.gid[i]);
  }
  for (int i = 0; i < 2; i++) {
    check_equal(after.caps[i].effective, before.caps[i].effective);
    check_equal(after.caps[i].permitted, before.caps[i].permitted);
    check_equal(after.caps[i].inheritable, before.caps[i].inheritable);
  }
  check_equal(after.bounding, before.bounding);
  check_equal(after.ambient, before.ambient);
  check_equal(after.securebits, before.securebits);
  check_equal(after.no_new_privs, before.no_new_privs);
  check_equal(after.dumpable, before.dumpable);
  if (memcmp(&before, &after, sizeof before) != 0) fail("other credentials changed");
  if (has_thread) pthread_join(other, NULL);
  if (strcmp(test_case, "child") == 0) {
    int status;
    check(wait(&status) > 0);
    check_equal(status, 0);
  }
  pass();
}

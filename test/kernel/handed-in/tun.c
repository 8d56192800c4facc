// A tun descriptor with an interface, which goes when the last descriptor does. As 'tun hand NAME PROGRAM ARGUMENT...'
// it makes such an interface and lets the program inherit it as descriptor 9.
#include <linux/if_tun.h>
#include <net/if.h>
#include <sys/ioctl.h>

#include "woodfrog-test.h"

static int open_tun(const char *name) {
  int fd = open("/dev/net/tun", O_RDWR);
  if (fd < 0) return -1;
  struct ifreq request = {.ifr_flags = IFF_TUN | IFF_NO_PI};
  snprintf(request.ifr_name, sizeof request.ifr_name, "%s", name);
  return ioctl(fd, TUNSETIFF, &request) == 0 ? fd : -1;
}

int main(int argc, char **argv) {
  if (argc > 3 && strcmp(argv[1], "hand") == 0) {
    int fd = open_tun(argv[2]);
    check(fd >= 0);
    check_equal(dup2(fd, 9), 9);
    if (fd != 9) close(fd);
    execv(argv[3], argv + 3);
    return 127;
  }
  setup(argc, argv);
  int fd = open_tun(test_case);
  if (fd < 0) skip("no tun devices here");
  check_equal(dup2(fd, 10), 10);
  close(fd);

  ready();

  struct ifreq found = {0};
  check_equal(ioctl(10, TUNGETIFF, &found), 0);
  check_text(found.ifr_name, test_case);
  check_equal(found.ifr_flags & (IFF_TUN | IFF_NO_PI), IFF_TUN | IFF_NO_PI);
  check_equal(ioctl(10, TUNSETSNDBUF, &(int){65536}), 0);
  pass();
}

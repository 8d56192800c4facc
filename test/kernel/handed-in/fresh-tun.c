// /dev/net/tun, open without an interface: it is a device like others, and can get one afterwards.
#include <linux/if_tun.h>
#include <net/if.h>
#include <sys/ioctl.h>

#include "woodfrog-test.h"

int main(int argc, char **argv) {
  setup(argc, argv);
  int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK);
  if (fd < 0) skip("no tun devices here");
  int twin = dup(fd);

  ready();

  struct ifreq request = {.ifr_flags = IFF_TUN | IFF_NO_PI, .ifr_name = "wffresh%d"};
  check_equal(ioctl(fd, TUNGETIFF, &request), -1);
  check_equal(errno, EBADFD);
  check_equal(fcntl(fd, F_GETFL) & (O_ACCMODE | O_NONBLOCK), O_RDWR | O_NONBLOCK);
  check_equal(ioctl(fd, TUNSETIFF, &request), 0);
  check_equal(ioctl(twin, TUNGETIFF, &request), 0);
  pass();
}

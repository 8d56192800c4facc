// Sockets of every family that programs use.
#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "woodfrog-test.h"

static int must_open(int family, int type, int protocol) {
  int fd = socket(family, type, protocol);
  if (fd < 0) skip("this kernel has no such sockets");
  return fd;
}

static void pair(int type) {
  int ends[2];
  check_equal(socketpair(AF_UNIX, type, 0, ends), 0);
  check_equal(write(ends[0], "queued", 6), 6);
  ready();
  char text[16];
  check_equal(read(ends[1], text, 16), 6);
}
static void play_unix_stream(void) { pair(SOCK_STREAM); }
static void play_unix_datagram(void) { pair(SOCK_DGRAM); }
static void play_unix_packet(void) { pair(SOCK_SEQPACKET); }

static void play_unix_listening(void) {
  struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "socket"};
  int fd = must_open(AF_UNIX, SOCK_STREAM, 0), client = must_open(AF_UNIX, SOCK_STREAM, 0);
  check_equal(bind(fd, (void *)&address, sizeof address) | listen(fd, 5), 0);
  ready();
  check_equal(connect(client, (void *)&address, sizeof address), 0);
}

static void bound(int family, int type) {
  int fd = must_open(family, type, 0);
  struct sockaddr_in6 address = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
  struct sockaddr_in address4 = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  int result = family == AF_INET6 ? bind(fd, (void *)&address, sizeof address)
                                  : bind(fd, (void *)&address4, sizeof address4);
  if (result != 0) skip("the loopback address is not there");
  if (type == SOCK_STREAM) check_equal(listen(fd, 5), 0);
  ready();
  socklen_t length = sizeof address;
  check_equal(getsockname(fd, (void *)&address, &length), 0);
  check(address.sin6_port != 0);
}
static void play_tcp_listening(void) { bound(AF_INET, SOCK_STREAM); }
static void play_tcp6_listening(void) { bound(AF_INET6, SOCK_STREAM); }
static void play_udp(void) { bound(AF_INET, SOCK_DGRAM); }

static void play_tcp_established(void) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t length = sizeof address;
  int server = must_open(AF_INET, SOCK_STREAM, 0), client = must_open(AF_INET, SOCK_STREAM, 0);
  if (bind(server, (void *)&address, sizeof address) != 0)
    skip("the loopback address is not there");
  check_equal(listen(server, 1), 0);
  check_equal(getsockname(server, (void *)&address, &length), 0);
  check_equal(connect(client, (void *)&address, sizeof address), 0);
  int peer = accept(server, NULL, NULL);
  close(server);
  check_equal(write(client, "hello", 5), 5);
  ready();
  char text[8];
  check_equal(read(peer, text, 8), 5);
}

static void plain(int family, int type, int protocol) {
  int fd = must_open(family, type, protocol), value;
  socklen_t length = sizeof value;
  ready();
  check_equal(getsockopt(fd, SOL_SOCKET, SO_TYPE, &value, &length), 0);
  check_equal(value, type);
}
static void play_tcp_fresh(void) { plain(AF_INET, SOCK_STREAM, 0); }
static void play_raw(void) { plain(AF_INET, SOCK_RAW, IPPROTO_ICMP); }
static void play_netlink(void) { plain(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE); }
static void play_packet(void) { plain(AF_PACKET, SOCK_RAW, 0); }
static void play_alg(void) { plain(38 /* AF_ALG */, SOCK_SEQPACKET, 0); }
static void play_vsock(void) { plain(40 /* AF_VSOCK */, SOCK_STREAM, 0); }

int main(int argc, char **argv) {
  setup(argc, argv);
  play((struct test_case[]){{"unix-stream", play_unix_stream},
                            {"unix-datagram", play_unix_datagram},
                            {"unix-packet", play_unix_packet},
                            {"unix-listening", play_unix_listening},
                            {"tcp-fresh", play_tcp_fresh},
                            {"tcp-listening", play_tcp_listening},
                            {"tcp6-listening", play_tcp6_listening},
                            {"tcp-established", play_tcp_established},
                            {"udp", play_udp},
                            {"raw", play_raw},
                            {"netlink", play_netlink},
                            {"packet", play_packet},
                            {"alg", play_alg},
                            {"vsock", play_vsock},
                            {0}});
}

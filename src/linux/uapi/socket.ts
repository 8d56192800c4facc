/** asm-generic/socket.h, linux/socket.h, linux/net.h, linux/in.h: what tells sockets apart. */

export const SOL_SOCKET = 1;
export const SO_TYPE = 3;
export const SO_PROTOCOL = 38;
export const SO_DOMAIN = 39;

export const AF_UNIX = 1;
export const AF_INET = 2;
export const AF_INET6 = 10;
export const AF_NETLINK = 16;
export const AF_PACKET = 17;
export const AF_ALG = 38;
export const AF_VSOCK = 40;
export const socketFamilies = {
  AF_UNIX,
  AF_INET,
  AF_INET6,
  AF_NETLINK,
  AF_PACKET,
  AF_ALG,
  AF_VSOCK,
};

export const SOCK_STREAM = 1;
export const SOCK_DGRAM = 2;
export const SOCK_RAW = 3;
export const SOCK_SEQPACKET = 5;
export const socketTypes = { SOCK_STREAM, SOCK_DGRAM, SOCK_RAW, SOCK_SEQPACKET };

export const IPPROTO_TCP = 6;
export const IPPROTO_UDP = 17;

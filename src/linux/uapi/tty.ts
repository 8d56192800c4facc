/**
 * asm-generic/ioctls.h, asm-generic/termbits.h, asm-generic/termios.h: terminals. Through the descriptor of a master,
 * most requests are about its slave: ioctl_tty(2).
 */
import { bytes, struct, u8, u16, u32 } from '../struct.js';

export const TCXONC = 0x540a;
export const TCFLSH = 0x540b;
export const TIOCEXCL = 0x540c;
export const TIOCSCTTY = 0x540e;
export const TIOCGPGRP = 0x540f;
export const TIOCSPGRP = 0x5410;
export const TIOCSTI = 0x5412;
export const TIOCGWINSZ = 0x5413;
export const TIOCSWINSZ = 0x5414;
export const TIOCPKT = 0x5420;
export const TIOCNOTTY = 0x5422;
export const TIOCGETD = 0x5424;
export const TIOCGSID = 0x5429;
/** _IOR('T', 0x2a, struct termios2). */
export const TCGETS2 = 0x802c542a;
export const TCSETS2 = 0x402c542b;
/** Linux 2.6: the number of a pty, of its master. */
export const TIOCGPTN = 0x80045430;
export const TIOCSPTLCK = 0x40045431;
/** Linux 2.6.32: the device number of the terminal behind a descriptor; of /dev/tty, say. */
export const TIOCGDEV = 0x80045432;
/** Linux 3.8: whether packet mode is on; whether the slave is locked; whether others may open it. */
export const TIOCGPKT = 0x80045438;
export const TIOCGPTLCK = 0x80045439;
export const TIOCGEXCL = 0x80045440;
/** Linux 4.13: opens the slave of a master, whatever its path. */
export const TIOCGPTPEER = 0x5441;
export const TIOCGLCKTRMIOS = 0x5456;
export const TIOCSLCKTRMIOS = 0x5457;

/** Arguments of TCXONC and TCFLSH. */
export const TCOOFF = 0;
export const TCOON = 1;
export const TCIFLUSH = 0;

/** The line discipline of TIOCGETD that all terminals begin with. */
export const N_TTY = 0;

export const NCCS = 19;

export const termios2 = struct(
  'termios2',
  {
    c_iflag: u32,
    c_oflag: u32,
    c_cflag: u32,
    c_lflag: u32,
    c_line: u8,
    c_cc: bytes(NCCS),
    c_ispeed: u32,
    c_ospeed: u32,
  },
  { size: 44 },
);

/** The kernel's struct termios, without speeds; that of TIOCGLCKTRMIOS. */
export const termios = struct(
  'termios',
  {
    c_iflag: u32,
    c_oflag: u32,
    c_cflag: u32,
    c_lflag: u32,
    c_line: u8,
    c_cc: bytes(NCCS),
  },
  { size: 36 },
);

export const winsize = struct(
  'winsize',
  { ws_row: u16, ws_col: u16, ws_xpixel: u16, ws_ypixel: u16 },
  { size: 8 },
);

/** Indices into c_cc. */
export const VINTR = 0;
export const VQUIT = 1;
export const VERASE = 2;
export const VKILL = 3;
export const VEOF = 4;
export const VTIME = 5;
export const VMIN = 6;
export const VSTART = 8;
export const VSTOP = 9;
export const VSUSP = 10;
export const VEOL = 11;
export const VREPRINT = 12;
export const VDISCARD = 13;
export const VWERASE = 14;
export const VLNEXT = 15;
export const VEOL2 = 16;

/** c_iflag. */
export const IXON = 0o2000;
export const IUTF8 = 0o40000;
/** c_oflag. */
export const OPOST = 0o1;
/** c_cflag: the part that names speeds; BOTHER: they are in c_ispeed and c_ospeed. */
export const CBAUD = 0o10017;
export const BOTHER = 0o10000;
export const CIBAUD = 0o2003600000;
/** c_lflag. */
export const ICANON = 0o2;
export const EXTPROC = 0o200000;

/** Documentation/admin-guide/devices.txt. */
export const TTY_MAJOR = 4;
export const TTYAUX_MAJOR = 5;
export const UNIX98_PTY_SLAVE_MAJOR = 136;
/** Of TTYAUX_MAJOR. */
export const TTY_MINOR = 0;
export const CONSOLE_MINOR = 1;
export const PTMX_MINOR = 2;
/** Of TTY_MAJOR: below are virtual consoles, from here on serial lines. */
export const SERIAL_MINOR = 64;

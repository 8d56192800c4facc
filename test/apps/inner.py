"""Runs a command on a pty of its own, and stands between that and its terminal, as script(1) does. The pty's number is
one that nobody takes between a dump and a restore: the kernel gives the lowest free one."""
import fcntl, os, select, sys, termios, tty

FIRST = 30
below = []
while True:
    master, slave = os.openpty()
    if int(os.ttyname(slave).rsplit("/", 1)[1]) >= FIRST + os.getpid() % 20:
        break
    below += [master, slave]
for fd in below:
    os.close(fd)
if os.fork() == 0:
    os.setsid()
    fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
    for fd in (0, 1, 2):
        os.dup2(slave, fd)
    os.close(slave)
    os.close(master)
    os.execvp(sys.argv[1], sys.argv[1:])
os.close(slave)
before = termios.tcgetattr(0)
tty.setraw(0)
try:
    while True:
        ready = select.select([0, master], [], [])[0]
        if 0 in ready:
            os.write(master, os.read(0, 4096))
        if master in ready:
            os.write(1, os.read(master, 4096))
except OSError:
    pass
termios.tcsetattr(0, termios.TCSADRAIN, before)

"""Runs a command on a new pty, or hands the slave of one to it, and is the terminal window: what comes on
standard input is typed, what the terminal shows goes to standard output.
usage: window.py on-it COMMAND... | window.py FD COMMAND..."""
import os, pty, select, sys

how, command = sys.argv[1], sys.argv[2:]
if how == "on-it":
    child, master = pty.fork()
    if child == 0:
        os.execvp(command[0], command)
else:
    master, slave = pty.openpty()
    child = os.fork()
    if child == 0:
        os.dup2(slave, int(how), inheritable=True)
        os.execvp(command[0], command)
    os.close(slave) if os.waitpid(child, 0)[1] == 0 else sys.exit(1)
inputs = [0, master]
while True:
    ready = select.select(inputs, [], [])[0]
    if 0 in ready:
        typed = os.read(0, 4096)
        if typed:
            os.write(master, typed)
        else:
            inputs.remove(0)
    if master in ready:
        try:
            shown = os.read(master, 4096)
        except OSError:
            break
        os.write(1, shown)
if how == "on-it":
    os.waitpid(child, 0)

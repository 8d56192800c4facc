"""Shows each key at once, as a program that has its terminal in raw mode, until it gets a q, and when it is told of a
new size."""
import os, signal, termios, tty

before = termios.tcgetattr(0)
tty.setraw(0)
signal.signal(signal.SIGWINCH, lambda *_: os.write(1, b"resized\r\n"))
os.write(1, b"begun\r\n")
while True:
    key = os.read(0, 1)
    os.write(1, b"<%s>" % (key if key.isalpha() else b"%d" % ord(key)))
    if key == b"q":
        break
termios.tcsetattr(0, termios.TCSADRAIN, before)

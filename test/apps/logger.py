"""A daemon that logs and begins a new file on SIGHUP, with tail(1) at its first one. Others rename and delete its files."""
import logging
import os
import signal
import subprocess
import sys
import time

release = sys.argv[1]
logger = logging.getLogger("daemon")
logger.setLevel(logging.INFO)
readers = []
handler = None
rotations = 0


def begin(*_):
    global handler, rotations
    if handler is not None:
        logger.removeHandler(handler)
        handler.close()
        rotations += 1
    handler = logging.FileHandler("app.log")
    handler.setFormatter(logging.Formatter("%(name)s: %(message)s"))
    logger.addHandler(handler)
    # Whatever becomes of the name.
    readers.append(os.open("app.log", os.O_RDONLY))


begin()
copy = open("copy", "wb")
# Descriptors are followed, not names, and without inotify(7).
follow = ["tail", "-n", "+1", "-s", "0.02", "---disable-inotify", "-f", "app.log"]
tail = subprocess.Popen(follow, stdout=copy)
signal.signal(signal.SIGHUP, begin)
count = 0
while not os.path.exists(release) or rotations == 0:
    count += 1
    logger.info("%d", count)
    if count == 20:
        print("READY", flush=True)
    time.sleep(0.002)

contents = []
for fd in readers:
    contents.append(os.pread(fd, os.fstat(fd).st_size, 0))
lines = b"".join(contents).decode().split("\n")
expected = [f"daemon: {n}" for n in range(1, count + 1)] + [""]
assert lines == expected, f"FAIL: {len(lines)} lines of {len(expected)}"
assert len(contents) == 2 and all(contents), "FAIL: both files were written"
end = time.time() + 20
while os.fstat(copy.fileno()).st_size < len(contents[0]) and time.time() < end:
    time.sleep(0.02)
assert tail.poll() is None, "FAIL: tail has ended"
tail.terminate()
tail.wait()
assert open("copy", "rb").read() == contents[0], "FAIL: tail has lost something"
print("PASS", flush=True)

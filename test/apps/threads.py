"""Threads that hand work to one another, beside an open, idle SQLite database that stays intact."""
import os
import queue
import sqlite3
import sys
import threading
import time

release = sys.argv[1]
database = sqlite3.connect("data.db", isolation_level=None)
database.execute("create table numbers (n integer primary key, square integer, text text)")
database.execute("begin")
rows = [(n, n * n, str(n) * 20) for n in range(5000)]
database.executemany("insert into numbers values (?, ?, ?)", rows)
database.execute("commit")
cached = database.execute("select count(*) from numbers").fetchone()

work = queue.Queue(maxsize=10)
results = queue.Queue()
local = threading.local()


def worker(number):
    local.mine = number
    while True:
        item = work.get()
        if item is None:
            return
        assert local.mine == number
        results.put((item, item * item))
        time.sleep(0.001)


threads = [threading.Thread(target=worker, args=(n,)) for n in range(4)]
for thread in threads:
    thread.start()
print("READY", flush=True)
sent = 0
while not os.path.exists(release):
    work.put(sent)
    sent += 1
for _ in threads:
    work.put(None)
for thread in threads:
    thread.join()

seen = sorted(results.get() for _ in range(results.qsize()))
assert seen == [(n, n * n) for n in range(sent)], "work was lost or doubled"
assert database.execute("pragma integrity_check").fetchone() == ("ok",)
assert database.execute("select sum(square) from numbers").fetchone()[0] == sum(r[1] for r in rows)
database.execute("insert into numbers values (5000, 0, 'after')")
database.close()
again = sqlite3.connect("data.db")
assert again.execute("select count(*) from numbers").fetchone() == (5001,)
assert again.execute("pragma integrity_check").fetchone() == ("ok",)
print("PASS", flush=True)

"""Says so, waits for a file, and then asks its terminal: usage: asks.py FILE."""
import os, sys, time

print("begun", flush=True)
while not os.path.exists(sys.argv[1]):
    time.sleep(0.05)
print("written", flush=True)
print("got", input(), flush=True)

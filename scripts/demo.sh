#!/usr/bin/env bash
# Freezes a counting program into a folder, shows that it is gone, brings it back, and shows that it counts on.
# Needs root, Node.js 20.19 or newer, and python3; installs and builds the rest.
set -euo pipefail
cd "$(dirname "$0")/.."

[ "$(id -u)" = 0 ] || { echo "Error: the demo needs root, as woodfrog does" >&2; exit 1; }
[ -d node_modules/esbuild ] || npm ci --no-audit --no-fund --silent
npm run --silent build

work=$(mktemp -d)
pid=
cleanup() {
  if [ -n "$pid" ]; then kill -KILL "$pid" 2>/dev/null || true; fi
  rm -rf "$work"
}
trap cleanup EXIT
say() { printf '\n\033[1m%s\033[0m\n' "$*"; }
show() { printf '$ %s\n' "$*"; "$@"; }
await_lines() { # at least $1 lines of output, within ten seconds
  for _ in $(seq 100); do
    [ "$(wc -l <"$work/output")" -ge "$1" ] && return
    sleep 0.1
  done
  echo "Error: the program wrote fewer than $1 lines" >&2
  exit 1
}

cat >"$work/count.py" <<'PYTHON'
import os, time
n = 0
while True:
    n += 1
    print(f"pid {os.getpid()} counts {n}", flush=True)
    time.sleep(0.2)
PYTHON
mkdir "$work/images"

say "A program starts, in a session of its own, with plain files as input and output"
(
  # Whatever descriptors this script was given: the program must not have them.
  for fd in /proc/"$BASHPID"/fd/*; do
    fd=${fd##*/}
    if [ "$fd" -gt 2 ]; then eval "exec $fd>&-"; fi
  done
  exec setsid python3 "$work/count.py" </dev/null >"$work/output" 2>&1
) &
pid=$!
disown "$pid" # or the shell would report its end
await_lines 5
show tail -n 2 "$work/output"

say "Freeze it into a folder"
show bin/woodfrog dump -t "$pid" -D "$work/images" --display-stats
for _ in $(seq 50); do [ -e "/proc/$pid" ] || break; sleep 0.1; done

say "It is gone: the folder holds all that it was"
if [ -e "/proc/$pid" ]; then echo "Error: pid $pid is still there" >&2; exit 1; fi
echo "There is no process $pid"
show du -sh "$work/images"
lines=$(wc -l <"$work/output")
sleep 1
if [ "$(wc -l <"$work/output")" != "$lines" ]; then echo "Error: it still writes" >&2; exit 1; fi

say "Bring it back"
show bin/woodfrog restore -d -D "$work/images"

say "It counts on from where it was, with the pid it had"
await_lines $((lines + 3))
show tail -n 5 "$work/output"
next=$(sed -n "$((lines + 1))p" "$work/output")
if [ "$next" != "pid $pid counts $((lines + 1))" ]; then
  echo "Error: it went on with '$next'" >&2
  exit 1
fi

#!/bin/bash
# sqlite3 in the middle of a transaction, its standard streams pipes to this script, which adds rows all the time and
# wants an answer to each. Released, it commits, and counts what another sqlite3 finds.
release=$1
fail() { echo "FAIL: $*"; exit 1; }
command -v sqlite3 > /dev/null || { echo 'SKIP: no sqlite3'; exit 77; }

coproc db { exec sqlite3 -bail data.db 2>&1; }
child=$db_PID
say() { printf '%s\n' "$1" >&"${db[1]}"; }
ask() {
  say "$1"
  IFS= read -r -t 30 answer <&"${db[0]}" || fail "no answer to: $1"
}
add() {
  n=$((n + 1))
  ask "insert into words values ($n, 'word $n'); select count(*) from words;"
  [ "$answer" = "$n" ] || fail "'$answer' after row $n"
}

ask 'pragma journal_mode = delete;'
ask 'create table words (n integer primary key, text); begin immediate; select 0;'
n=0
while [ $n -lt 200 ]; do add; done
echo READY
while [ ! -e "$release" ]; do
  add
  # Nothing comes: a wait that is no process.
  IFS= read -r -t 0.01 answer <&"${db[0]}" && fail "unasked: $answer"
done

add
ask 'commit; select count(*), sum(n) from words;'
[ "$answer" = "$n|$((n * (n + 1) / 2))" ] || fail "'$answer' at the commit"
ask 'pragma integrity_check;'
[ "$answer" = ok ] || fail "the check says $answer"
say '.quit'
wait "$child" || fail "sqlite3 ended with $?"
found=$(sqlite3 data.db 'select count(*) from words;')
[ "$found" = "$n" ] || fail "$found rows of $n"
echo PASS

# A shell loop with an external command in each turn; every number must appear once, in order.
release=$1
echo READY
i=0
while [ ! -e "$release" ]; do
  i=$((i + 1))
  echo "$i" >> numbers
  sleep 0.01
done
expected=0
while read -r number; do
  expected=$((expected + 1))
  if [ "$number" != "$expected" ]; then
    echo "FAIL: line $expected says $number"
    exit 1
  fi
done < numbers
if [ "$expected" != "$i" ]; then
  echo "FAIL: $expected lines after $i turns"
  exit 1
fi
echo PASS

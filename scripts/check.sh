#!/bin/sh
# What must hold of every commit: format, lint, types, dead code, house rules. Runs in under a minute.
#
# All parts run and each tells its own failures, two at a time as there are two cores. What must stay
# true: the exit code is not 0 when any part failed.
unset CDPATH
cd "$(dirname "$0")/.." || exit 1
sh scripts/setup.sh dev || exit $?
reports=$(mktemp -d) || exit 1
trap 'rm -rf "$reports"' EXIT

# part NAME COMMAND...: runs it and keeps its output and exit code.
part() {
  name=$1
  shift
  "$@" >"$reports/$name.out" 2>&1
  echo $? >"$reports/$name.code"
}
bin=node_modules/.bin

part lint "$bin/eslint" . &
part format "$bin/prettier" --check --log-level warn .
part types "$bin/tsc" -p .
part unused "$bin/knip" --no-progress
part house node --experimental-vm-modules --no-warnings node_modules/jest/bin/jest.js -i test/house
wait

failed=0
for name in format lint types unused house; do
  code=$(cat "$reports/$name.code")
  if [ "$code" = 0 ]; then
    echo "ok      $name"
  else
    failed=1
    cat "$reports/$name.out"
    echo "FAILED  $name (exit $code)"
  fi
done
exit "$failed"

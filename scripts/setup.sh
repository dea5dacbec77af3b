#!/bin/sh
# Makes a checkout ready: the packages of the lock, and a build of the sources.
# usage: setup.sh run|dev     run: what the product needs; dev: what tests and checks need besides
#
# May be killed at any moment and run again, and may be started twice at once: all work is done under
# a lock that our children hold too, and nothing is believed ready before it has been looked at.
# Talks on stderr only; the output of npm and of the build goes to dist/setup.log.
set -u
umask 022
unset CDPATH
mode=${1:-run}
cd "$(dirname "$0")/.." || exit 1
root=$(pwd -P)
log=dist/setup.log
stamp=node_modules/.loomkin-setup
sqlite=node_modules/better-sqlite3/build
free_space='Free some disk space, then run the same command again'

say() { printf 'loomkin: %s\n' "$*" >&2; }
fail() {
  code=$1
  shift
  say "$*"
  exit "$code"
}

check_node() {
  node=$(command -v node) || fail 2 'Node.js is missing (no node on PATH). Install Node.js 20.19 or newer'
  version=$(node -p 'process.versions.node' 2>/dev/null) || version=unknown
  old="Node.js $version is too old ($node). Install Node.js 20.19 or newer"
  major=${version%%.*} minor=${version#*.}
  minor=${minor%%.*}
  case $major$minor in '' | *[!0-9]*) fail 2 "$old" ;; esac
  if [ "$major" -lt 20 ] || { [ "$major" -eq 20 ] && [ "$minor" -lt 19 ]; }; then fail 2 "$old"; fi
}

# A checkout that is not ours to write serves as it is, if it was set up at all.
serve_read_only() {
  if [ ! -f dist/current/cli.js ] || ! node scripts/installed.mjs run; then
    fail 2 "this checkout is not set up for Node.js $version ($root can't be written). Its owner runs ./loomkin --version there once"
  fi
  . scripts/checkout-head.sh
  built=
  [ -f dist/built ] && read -r built <dist/built
  [ "$built" = "$head" ] || say "this build is older than the checkout ($root can't be written). Its owner runs ./loomkin --version there once"
  exit 0
}

# The lock belongs to the open file: it is held until we and every child of ours have ended.
take_lock() {
  exec 9>>dist/setup.lock
  lock_fd -n && return
  say "another set-up of this checkout is under way ($root). Waiting for it"
  lock_fd
}
lock_fd() {
  if command -v flock >/dev/null; then
    flock "$@" 9
  elif command -v perl >/dev/null; then
    perl -e 'open F, ">&=9" or exit 2; exit(flock(F, @ARGV ? 6 : 2) ? 0 : 1)' "$@"
  fi
}

# tick WHAT PID: says every few seconds that it goes on. Ends with its parent, and never holds our
# stderr open behind it: who reads that through a pipe waits for its end.
tick() {
  seconds=0
  while sleep 1 </dev/null >/dev/null 2>&1 && kill -0 "$2" 2>/dev/null; do
    seconds=$((seconds + 1))
    doing=$1
    [ -d "$sqlite" ] && [ ! -f "$sqlite/Release/better_sqlite3.node" ] && doing="$1, compiling SQLite"
    if [ -t 2 ]; then
      printf '\rloomkin: %s (%d s)\033[K' "$doing" "$seconds" >&2
    elif [ $((seconds % 10)) -eq 0 ]; then
      say "$doing ($seconds s)"
    fi
  done
}

# during WHAT COMMAND...: runs it with its output in the log, and says how it goes.
during() {
  what=$1
  shift
  tick "$what" $$ 9>&- &
  ticker=$!
  "$@" >>"$log" 2>&1
  code=$?
  kill "$ticker" 2>/dev/null
  wait "$ticker" 2>/dev/null
  [ -t 2 ] && printf '\r\033[K' >&2
  return "$code"
}

# Headers beside the running node spare node-gyp a download.
find_headers() {
  prefix=$(node -p 'require("path").dirname(require("path").dirname(process.execPath))')
  [ -f "$prefix/include/node/node.h" ] && export npm_package_config_node_gyp_nodedir="$prefix"
}

# A user without a home folder of their own still can install.
find_cache() {
  [ -n "${npm_config_cache:-}" ] && return
  if [ -z "${HOME:-}" ] || [ ! -w "$HOME" ]; then
    npm_config_cache=$root/dist/npm-cache
    export npm_config_cache
  fi
}

# Also where there was no room left to log it.
is_full() {
  grep -qiE 'ENOSPC|no space left' "$log" && return
  { printf '%8192s' '' >dist/space; } 2>/dev/null
  written=$?
  rm -f dist/space
  [ "$written" -ne 0 ]
}

npm_failed() {
  cure='Check the network and npm ping, then run the same command again'
  grep -q 'gyp ERR' "$log" && cure='Install python3, make and a C++ compiler, then run the same command again'
  is_full && cure=$free_space
  fail 1 "installing packages failed (npm exit $1, see $root/$log). $cure"
}

# The marker tells an interrupted installation from a whole one, whatever the folder looks like.
install_packages() {
  if [ -e dist/installing ]; then
    say 'an earlier installation was interrupted. Installing again'
  elif node scripts/installed.mjs "$mode"; then
    return
  fi
  command -v npm >/dev/null || fail 2 "npm is missing (no npm on PATH beside $node). Install it with Node.js"
  set -- ci --omit=dev
  if [ "$mode" = dev ]; then
    set -- ci --include=dev
    # What is there stays there: compiling SQLite a second time would take a minute.
    [ ! -e dist/installing ] && node scripts/installed.mjs run && set -- install --no-save --include=dev
  fi
  say 'installing packages. This takes a minute or two, once'
  : >dist/installing
  rm -f "$stamp"
  find_headers
  find_cache
  during 'installing packages' npm "$@" --strict-allow-scripts --ignore-scripts=false --no-audit --no-fund || npm_failed $?
  node scripts/installed.mjs "$mode" || fail 1 "the installed packages do not load (see $root/$log). Remove $root/node_modules and run the same command again"
  rm -rf dist/installing dist/npm-cache
}

build() {
  during building node scripts/build.mjs && return
  is_full && fail 1 "building failed, as the disk that holds $root is full. $free_space"
  reason=$(grep -E '^[^ ].*(ERROR|Error): ' "$log" | tail -n 1 | cut -c 1-200)
  fail 1 "building failed (see $root/$log). ${reason:-Mend what it names and run the same command again}"
}

# stamp_as FILE TEXT LIKE: written whole or not at all, with the time of what it stands for.
stamp_as() {
  { printf '%s\n' "$2" >"$1.new" && touch -r "$3" "$1.new" && mv -f "$1.new" "$1"; } 2>/dev/null && return
  is_full && fail 1 "the disk that holds $root is full. $free_space"
  fail 1 "$root/$1 can't be written. Make it writable and run the same command again"
}

trap 'kill "${ticker:-}" 2>/dev/null; exit 130' INT
trap 'kill "${ticker:-}" 2>/dev/null; exit 143' TERM
check_node
mkdir -p dist 2>/dev/null
for folder in . dist node_modules; do
  [ -d "$folder" ] && [ ! -w "$folder" ] && serve_read_only
done
take_lock
: >"$log"
# Taken before the work: what changes while we work is looked at again at the next start.
. scripts/checkout-head.sh
touch -r package-lock.json dist/lock-time
touch -r package.json dist/package-time
install_packages
stamp_as "$stamp" "$mode" dist/lock-time
build
stamp_as dist/built "$head" dist/package-time

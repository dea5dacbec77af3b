#!/bin/sh
# wrap.sh FOLDER KEY NONCE SEGMENT_BYTES COMMAND...
#
# Runs one command outside our processes and outlives them; everything we learn of it is in files
# below FOLDER. It claims the right to run by itself: `started` is made with O_EXCL, so that of any
# number of wrappers of one effect exactly one gets past that line, and none after a cancel.
# What must stay true: no `started` means it never ran; a line in `exit` means it ended.
umask 077
d=$1 key=$2 nonce=$3 seg=$4
shift 4
st=0 boot=0
if [ -r "/proc/$$/stat" ]; then
  read -r _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ st _ <"/proc/$$/stat"
  read -r boot </proc/sys/kernel/random/boot_id
fi
set -C
{ echo "$$ $st $boot" >"$d/started"; } 2>/dev/null || exit 120
set +C
# Caught, never '': what is ignored would be inherited by the command.
trap : HUP INT TERM PIPE
{
  trap : HUP INT TERM PIPE # a subshell forgets traps
  # Mark the command alone, not wrapper and collector. A sandbox sets the mark inside itself.
  case $1 in */setsid) export LOOMKIN_EFFECT="$key" ;; esac
  "$@" 2>&1 9>"$d/state" 8>"$d/sandbox"
  code=$?
  printf '\036%s\n' "$nonce" # in the pipe behind all that the command wrote
  # On a full disk it goes on looking alive, which is the truth: nobody can know its code yet.
  # Where the folder itself is gone there is nobody left to tell.
  until { echo "$code" >"$d/exit"; } 2>/dev/null || ! [ -d "$d" ]; do sleep 1; done
} </dev/null 2>/dev/null | { # not 2>&1: this shell's own words ("Terminated") are not the command's
  trap : HUP INT TERM
  PATH=$PATH:/usr/bin:/bin
  # Two letters: 676 segments, a bound on the disk even while nobody is there to trim.
  split -b "$seg" -a 2 - "$d/out." 2>/dev/null || { : >"$d/lost"; cat >/dev/null; }
}

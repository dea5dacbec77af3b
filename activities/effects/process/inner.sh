# inner.sh COMMANDFILE UMASK      run by: bash -c 'eval "$(<"$0")"'
#
# Runs the commands of COMMANDFILE in this bash and notes on fd 9 its session at the start, and at
# the end its working folder and exported variables, each followed by a NUL. What must stay true: the
# commands find no trace of this file in $0, $@, their umask, environment or descriptors below 10.
# Scripts of our own may rely on $loomkin_folder, the effect's folder.
exec 8>&- {loomkin_state}>&9 9>&-
read -r _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ loomkin_start _ 2>/dev/null <"/proc/$$/stat"
echo "$$ ${loomkin_start:-0}" >&"$loomkin_state"
umask "$2"
loomkin_note() {
  local name names old=${OLDPWD-}
  builtin cd -P . # without a fork: PWD is the real path then
  OLDPWD=$old
  builtin mapfile -t names < <(builtin compgen -e)
  builtin printf '%s\0' "$PWD"
  for name in "${names[@]}"; do builtin printf '%s=%s\0' "$name" "${!name-}"; done
  builtin printf 'end\0'
} >&"$loomkin_state"
trap '{ loomkin_code=$?; set +eux; } 2>/dev/null; loomkin_note 2>/dev/null; exit "$loomkin_code"' EXIT
loomkin_folder=${1%/*}
BASH_ARGV0=bash
set -- "$(<"$1")"

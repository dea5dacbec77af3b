/**
 * The bash that makes one commit, from an index of its own, so that the user's index is never half done.
 *
 * Under the lock of the user's index (with our name in it) a new index starts as HEAD, takes the paths
 * and is committed with all hooks; then the committed paths, and no others, are brought up to date in
 * the user's. What must stay true: until the commit is there nothing the user sees has changed; a lock
 * of somebody alive is waited for, never taken.
 */

export const shellQuote = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

/** Exit codes of the script beside git's own. */
const NOTHING_TO_COMMIT = 66;
const LOCKED = 75;
const IN_PROGRESS = 65;

/** Functions around the lock of the user's index. `$scratch` is a folder of ours. */
const LOCK_FUNCTIONS = `
owner_is_dead() { # LOCK: ours, with its owner written in it, and the owner is gone
  local word pid start boot now fields
  read -r word pid start boot <"$1" 2>/dev/null || return 1
  [ "$word" = loomkin ] || return 1
  read -r now </proc/sys/kernel/random/boot_id || return 1
  [ "$boot" = "$now" ] || return 0
  read -r fields 2>/dev/null <"/proc/$pid/stat" || return 0
  set -- \${fields##*) }
  [ "$1" = Z ] || [ "\${20}" != "$start" ] # a zombie holds nothing
}
older_than_boot() { # LOCK: nobody who made it can be alive
  local made booted
  made=$(stat -c %Y "$1" 2>/dev/null) && booted=$(sed -n 's/^btime //p' /proc/stat 2>/dev/null) || return 1
  [ -n "$booted" ] && [ $((made + 60)) -lt "$booted" ]
}
nobody_at_work() { # LOCK: no git is running in this repository, and nobody has the file open
  local proc name
  for proc in /proc/[0-9]*; do
    read -r name <"$proc/comm" || continue
    case $name in git*) case $(readlink "$proc/cwd") in "$top" | "$top"/*) return 1 ;; esac ;; esac
  done 2>/dev/null
  [ -z "$(find /proc/[0-9]*/fd -lname "$1" -print -quit 2>/dev/null)" ]
}
made_by_our_dead() { # LOCK: made while a command of ours ran, which ended
  local started exit
  for started in "\${loomkin_folder%/*}"/*/started; do
    [ "$started" = "$loomkin_folder/started" ] || [ "$started" -nt "$1" ] && continue
    exit=\${started%started}exit
    [ -e "$exit" ] && [ "$1" -nt "$exit" ] && continue
    nobody_at_work "$1"
    return
  done
  return 1
}
free_lock() { # LOCK: returns 1 when somebody holds it for 5 s, or one of us for 2 min
  local tries=0 max=50 why word
  while [ -e "$1" ]; do
    why=
    read -r word _ 2>/dev/null <"$1" && [ "$word" = loomkin ] && max=1200
    if owner_is_dead "$1" || older_than_boot "$1"; then why=yes; fi
    [ $tries -ge 30 ] && [ -z "$why" ] && made_by_our_dead "$1" && why=yes
    if [ -n "$why" ]; then
      mv "$1" "$scratch/stale-lock.$$" 2>/dev/null && echo "(removed $1, left behind by a process that is dead)"
      continue
    fi
    [ $tries -ge $max ] && return 1
    tries=$((tries + 1))
    sleep 0.1
  done
}
take_lock() { # LOCK
  local fields
  read -r fields <"/proc/$$/stat" 2>/dev/null
  set -- "$1" \${fields##*) }
  until (set -C; echo "loomkin $$ \${21:-0} $(cat /proc/sys/kernel/random/boot_id 2>/dev/null)" >"$1") 2>/dev/null; do
    [ -e "$1" ] || return 1
    free_lock "$1" || return 1
  done
  held=yes
}
`;

/** Brings the paths of commit $1 up to date in the user's index; harmless to do twice. */
const SYNC_FUNCTION = `
sync_index() { # COMMIT; the lock is ours
  local fresh=$index.loomkin
  rm -f "$fresh" "$fresh.lock"
  [ ! -e "$index" ] || cp -p "$index" "$fresh"
  if git diff-tree -r -z --root --no-commit-id --name-only --no-renames "$1" |
    GIT_INDEX_FILE=$fresh git --literal-pathspecs -C "$top" reset -q "$1" --pathspec-from-file=- --pathspec-file-nul
  then mv -f "$fresh" "$index"; fi
  rm -f "$fresh"
}
`;

const preamble = (scratch: string): string => `
held= work=
trap 'rm -f \${held:+"$index.lock"} \${work:+"$work" "$work".*}' EXIT
scratch=${shellQuote(scratch)}
mkdir -p -m 700 "$scratch"
where=$(git rev-parse --show-toplevel --git-path index --git-path HEAD --git-path MERGE_HEAD --git-path CHERRY_PICK_HEAD --git-path REVERT_HEAD) || exit 128
{ read -r top; read -r index; read -r head; read -r merge; read -r pick; read -r revert; } <<<"$where"
case $index in /*) ;; *) index=$PWD/$index ;; esac
${LOCK_FUNCTIONS}${SYNC_FUNCTION}`;

/** Tidies up after a script that was killed: its locks go, and the index learns of a commit it had made. */
export const tidyScript = (scratch: string, callId: string, commit: string | null): string => `
loomkin_folder=/nonexistent/none
${preamble(scratch)}
work=$scratch/commit-${callId}.index
owner_is_dead "$index.lock" && rm -f "$index.lock"
branch=$(git symbolic-ref -q HEAD) && branch=$(git rev-parse --git-path "$branch")
for lock in "$index.lock" "$head.lock" "\${branch:-$head}.lock"; do
  # Not older than our beginning, of which only a script that was killed leaves the sign behind.
  [ -e "$lock" ] && [ -e "$work.begun" ] && ! [ "$work.begun" -nt "$lock" ] && nobody_at_work "$lock" && rm -f "$lock"
done
${commit === null ? '' : `take_lock "$index.lock" && sync_index ${shellQuote(commit)}`}
`;

export interface CommitRequest {
  readonly message: string;
  /** Paths as given, folders allowed; or exactly these files, whatever became of them. */
  readonly paths: { readonly kind: 'given' | 'differing'; readonly list: readonly string[] };
  readonly scratch: string;
  /** Names the files of this call in `scratch`. */
  readonly callId: string;
}

const PREPARE = `
in_progress() {
  echo "A $1 is in progress, so a commit of some files is not possible. Finish it with the shell ('git commit' takes the whole index) or give it up ('git $1 --abort')." >&2
  exit ${IN_PROGRESS}
}
for state in "merge:$merge" "cherry-pick:$pick" "revert:$revert"; do
  [ ! -e "\${state#*:}" ] || in_progress "\${state%%:*}"
done
# One that stopped without a conflict takes commits.
for folder in rebase-merge rebase-apply; do
  [ ! -d "$(git rev-parse --git-path $folder)" ] || [ -z "$(git -C "$top" ls-files --unmerged)" ] || in_progress rebase
done
branch=$(git symbolic-ref -q HEAD) && branch=$(git rev-parse --git-path "$branch")
locked() {
  echo "Another git process holds $1; nothing was committed. Wait for it to end and try again; if none is running, the user may remove the file." >&2
  exit ${LOCKED}
}
for lock in "$head" "\${branch:-$head}"; do free_lock "$lock.lock" || locked "$lock.lock"; done
# Held from here to the end: what is HEAD now is the parent of the commit.
take_lock "$index.lock" || locked "$index.lock"
`;

const ADD = {
  given: '--literal-pathspecs add -A --pathspec-from-file=- --pathspec-file-nul',
  differing: 'update-index --add --remove --replace -z --stdin',
} as const;

/** The user's identity; ours for the parts that are missing. */
const IDENTITY = `
who=()
[ -n "$(git config user.name)" ] || who+=(-c user.name=Loomkin)
[ -n "$(git config user.email)\${EMAIL-}" ] || who+=(-c user.email=noreply@loomkin.dev)
`;

export const commitScript = (request: CommitRequest): string => {
  const { message, paths, scratch, callId } = request;
  return `${preamble(scratch)}
work=$scratch/commit-${callId}.index
rm -f "$work" "$work".*
: >"$work.begun"
${PREPARE}if git rev-parse -q --verify 'HEAD^{commit}' >/dev/null; then
  # -p: by the age of its index git knows which files it can't judge by size and time.
  [ ! -e "$index" ] || cp -p "$index" "$work"
  GIT_INDEX_FILE=$work git read-tree --reset HEAD || exit
  unchanged() { GIT_INDEX_FILE=$work git diff-index --cached --quiet HEAD; }
else
  unchanged() { [ -z "$(GIT_INDEX_FILE=$work git ls-files | head -n 1)" ]; }
fi
printf '%s\\0' ${paths.list.map(shellQuote).join(' ')} |
  GIT_INDEX_FILE=$work git -c core.fsync=objects ${ADD[paths.kind]}
added=("\${PIPESTATUS[@]}")
[ "\${added[1]}" = 0 ] || exit "\${added[1]}"
if unchanged; then
  echo 'Nothing to commit: these files are as they are in HEAD.' >&2
  exit ${NOTHING_TO_COMMIT}
fi
${IDENTITY}
printf '%s' ${shellQuote(message)} >"$work.message"
GIT_INDEX_FILE=$work git "\${who[@]}" -c core.fsync=objects,reference commit -F "$work.message"
code=$?
[ $code = 0 ] || exit $code
commit=$(git rev-parse HEAD)
sync_index "$commit"
echo "commit $commit"
`;
};

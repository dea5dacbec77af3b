# Sourced with $root set: puts the commit that is checked out into $head, or `none` without git.
#
# Shell builtins only, since every start of the launcher runs it; works in worktrees and with packed
# refs. What must stay true: the same commit gives the same word, whoever asks.

head=none
gitdir=$root/.git
if [ -f "$gitdir" ]; then
  read -r head <"$gitdir" || :
  gitdir=${head#gitdir: }
  case $gitdir in /*) ;; *) gitdir=$root/$gitdir ;; esac
  head=none
fi
if [ -f "$gitdir/HEAD" ]; then
  read -r head <"$gitdir/HEAD" || :
  case $head in
    'ref: '*)
      ref=${head#ref: }
      common=$gitdir
      if [ -f "$gitdir/commondir" ]; then
        read -r common <"$gitdir/commondir" || :
        case $common in /*) ;; *) common=$gitdir/$common ;; esac
      fi
      if [ "$ref" = refs/heads/.invalid ]; then
        # Refs are in tables here, whose names change with each of them.
        for tables in "$gitdir" "$common"; do
          [ -f "$tables/reftable/tables.list" ] || continue
          while read -r table; do head=$head,$table; done <"$tables/reftable/tables.list"
        done
      elif [ -f "$common/$ref" ]; then
        read -r head <"$common/$ref" || :
      elif [ -f "$common/packed-refs" ]; then
        while read -r commit name; do
          [ "$name" = "$ref" ] && head=$commit && break
        done <"$common/packed-refs"
      fi
      ;;
  esac
fi

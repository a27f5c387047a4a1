#!/usr/bin/env bash
# Puts a bug of each kind back into the library, one at a time, and shows that a prover finds it.
#
# usage: run.sh [--seeds N] [--minutes M] [--jobs N] [NAME...]
#
# Each file here is a bug: what it is, the provers that are to find it (the first must do so as well
# as the others), and a patch against src/. Of a copy of each patched source one object is made and
# linked before the library into a prover of build/release, so nothing else is compiled. The last
# line is "N passed, M failed": a bug that is found is a pass. The provers have N seeds, or what the
# bug's file says, and M minutes each.
set -uo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
build=$root/build/release
trees=$root/build/bugs
patience=60

usage() {
  echo "$1" >&2
  echo 'usage: run.sh [--seeds N] [--minutes M] [--jobs N] [NAME...]' >&2
  exit 2
}

jobs=$(nproc)
seeds=()
names=()
while (($# > 0)); do
  case $1 in
  --jobs)
    [[ ${2-} =~ ^[1-9][0-9]*$ ]] || usage "--jobs needs a number"
    jobs=$2
    shift
    ;;
  --seeds)
    [[ ${2-} =~ ^[1-9][0-9]*$ ]] || usage "--seeds needs a number"
    seeds=(--seeds "$2")
    shift
    ;;
  --minutes)
    [[ ${2-} =~ ^[1-9][0-9]*$ ]] || usage "--minutes needs a number"
    patience=$((60 * $2))
    shift
    ;;
  -*) usage "there is no option '$1'" ;;
  *)
    [[ -f $here/$1.patch ]] || usage "there is no bug '$1'"
    names+=("$1")
    ;;
  esac
  shift
done
if ((${#names[@]} == 0)); then
  names=("$here"/*.patch)
  names=("${names[@]##*/}")
  names=("${names[@]%.patch}")
fi

# header FIELD PATCH: the values of a field before the patch, one a line.
header() { sed -n "/^---/q; s/^$1: //p" "$2"; }

# command_of FILE: how an object of the build is compiled from this source, and where it then is.
command_of() {
  grep -B1 -F "\"file\": \"$root/$1\"" "$build/compile_commands.json" |
    sed -n 's/^ *"command": "\(.*\)",$/\1/p' | sed 's/\\"/"/g' | head -n 1
}

# compile NAME FILE: an object of a patched source. What is compiled has no time to be optimised.
compile() {
  local command object=$trees/$1/${2//\//_}.o
  command=$(command_of "$2")
  [[ $command ]] || return 1
  command=${command%% -o *}
  command=${command/ -I/ -I$trees/$1/src -I}
  command=${command/ -O3/ -O1}
  (cd "$build" && eval "$command -w -o '$object' -c '$trees/$1/$2'") || return 1
  echo "$object"
}

# link NAME PROVER TARGET OBJECT...: the prover with these objects before the library; of the fuzz
# targets it has TARGET alone.
link() {
  local name=$1 prover=$2 target=$3 command
  shift 3
  command=$(cd "$build" && ninja -t commands "bin/prove_$prover" | tail -n 1)
  if [[ $prover == fuzz ]]; then
    local word other kept=
    for word in $command; do
      other=${word##*/}
      other=${other%.cpp.o}
      [[ $word == *.cpp.o && $other != "$target" && -d $root/test/fuzz/corpus/$other ]] ||
        kept+=" $word"
    done
    command=$kept
  fi
  command=${command/ -o bin\/prove_$prover/ $* -o $trees/$name/prove_$prover}
  (cd "$build" && eval "$command")
}

# find_bug NAME PROVER ARGUMENTS...: the line in which the prover tells of the bug. It is left running
# no longer than that takes.
find_bug() {
  local name=$1 prover=$2 line more pid output status=1
  shift 2
  exec {output}< <(exec timeout "$patience" "$trees/$name/prove_$prover" "$@" 2>&1)
  pid=$!
  while IFS= read -r line <&"$output"; do
    if [[ $line =~ ^\ *(seed\ [0-9]+[,:]|after\ [0-9]+\ events|[a-z0-9_]+:\ FAILED) ]]; then
      [[ $line == *FAILED* ]] && IFS= read -r more <&"$output" && line+=": ${more##  }"
      echo "${line##  }"
      status=0
      break
    fi
  done
  kill "$pid" 2>/dev/null
  exec {output}<&-
  return $status
}

# One bug: prints what became of it. True if each of its provers found it.
prove() {
  local name=$1 patch=$here/$1.patch tree=$trees/$1
  local file files objects=() prover target arguments line ok=1
  rm -rf "$tree"
  mkdir -p "$tree"
  mapfile -t files < <(sed -n 's|^+++ b/||p' "$patch")
  for file in "${files[@]}"; do
    mkdir -p "$tree/$(dirname "$file")"
    [[ $file == *.cpp ]] && cp "$root/$file" "$tree/$file"
  done
  if ! patch -s -f -p1 -F0 -d "$tree" <"$patch" >"$tree/log" 2>&1; then
    echo "$name: FAILED: the patch no longer applies"
    return 1
  fi
  for file in "${files[@]}"; do
    line=$(compile "$name" "$file" 2>>"$tree/log") || {
      echo "$name: FAILED: the patched $file does not compile, see $tree/log"
      return 1
    }
    objects+=("$line")
  done
  while read -r prover target arguments; do
    [[ $prover == fuzz ]] || {
      arguments="$target $arguments"
      target=
    }
    if ! link "$name" "$prover" "$target" "${objects[@]}" >>"$tree/log" 2>&1; then
      echo "$name: FAILED: prove_$prover does not link, see $tree/log"
      return 1
    fi
    # shellcheck disable=SC2086 # arguments are words
    if line=$(find_bug "$name" "$prover" $arguments "${seeds[@]}"); then
      echo "$name: found by $prover${target:+ $target}, $line"
    else
      echo "$name: FAILED: prove_$prover $target $arguments does not find it"
      ok=0
    fi
  done < <(header Prover "$patch")
  rm -rf "$tree"/prove_* "$tree"/*.o
  ((ok))
}

[[ -f $build/build.ninja ]] || (cd "$root" && cmake --preset release) >&2 || exit 1
cmake --build "$build" --target prove_random prove_model prove_world prove_fuzz >&2 || exit 1
mkdir -p "$trees"

running=0
for name in "${names[@]}"; do
  ((running < jobs)) || { wait -n; running=$((running - 1)); }
  (
    end=fail
    ! prove "$name" >"$trees/$name.out" 2>&1 || end=pass
    echo "$end" >"$trees/$name.end"
  ) &
  running=$((running + 1))
done
wait

passed=0 failed=0
for name in "${names[@]}"; do
  echo "$(header Kind "$here/$name.patch") ($(header Bug "$here/$name.patch"))"
  sed 's/^/  /' "$trees/$name.out"
  if [[ $(<"$trees/$name.end") == pass ]]; then
    passed=$((passed + 1))
  else
    failed=$((failed + 1))
  fi
done
echo "$passed passed, $failed failed"
((failed == 0))

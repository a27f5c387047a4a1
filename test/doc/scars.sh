#!/usr/bin/env bash
# usage: scars.sh PAGE FOLDER
#
# Holds doc/scars.md against the test programs in FOLDER: each number has one row, each row is short
# enough to be read, and names tests that there are or says why it has none.
set -euo pipefail
page=$1
programs=$2
last=108
longest=400

faults=0
fault() {
  printf '%s: %s\n' "$page" "$*" >&2
  faults=$((faults + 1))
}

declare -A rows cases
# The cases of a program, a line each; nothing if there is no such program.
load_cases() {
  local program=$programs/test_${1/./_}
  if [[ ! -v cases[$1] ]]; then
    cases[$1]=
    if [[ -x $program ]]; then
      cases[$1]=$("$program" --list_content 2>&1 | tr -d ' *' || true)
    fi
  fi
}

check_test() {
  local row=$1 program=${2%%/*} case=${2#*/}
  load_cases "$program"
  if [[ -z ${cases[$program]} ]]; then
    fault "row $row names '$2', but no test program '$program' was built"
  elif ! grep -qx -- "$case" <<<"${cases[$program]}"; then
    fault "row $row names '$2', but '$program' has no case '$case'"
  fi
}

while IFS= read -r line; do
  [[ $line =~ ^\|\ *([0-9]+)\ *\| ]] || continue
  number=${BASH_REMATCH[1]}
  rows[$number]=$((${rows[$number]-0} + 1))
  if ((number < 1 || number > last)); then
    fault "there is no scar $number"
  fi
  if ((${#line} > longest)); then
    fault "row $number has ${#line} characters, more than $longest"
  fi
  tests=$(grep -oE '`[^`]*/[^`]*`' <<<"$line" | tr -d '`' || true)
  if [[ -z $tests && ! $line =~ \|\ (Not\ here|Not\ covered):\ [^|]+\|$ ]]; then
    fault "row $number names no test, and does not say 'Not here: ...' or 'Not covered: ...'"
  fi
  for name in $tests; do
    check_test "$number" "$name"
  done
done <"$page"

for ((number = 1; number <= last; ++number)); do
  case ${rows[$number]-0} in
  0) fault "number $number has no row" ;;
  1) ;;
  *) fault "number $number has ${rows[$number]} rows" ;;
  esac
done

if ((faults)); then
  exit 1
fi
echo "$page: $last rows, and the tests that they name are there"

#!/usr/bin/env bash
# usage: options.sh PROGRAM MAN_PAGE COMPLETION
#
# The options that PROGRAM --help, its man page and the completion know are the same; the man page has
# the exit codes, and those of the program are what it says; where a checker of man pages is
# installed, it finds nothing.
set -euo pipefail
program=$1
page=$2
completion=$3
name=${program##*/}

fail() {
  printf '%s: %s\n' "$name" "$*" >&2
  exit 1
}

help=$("$program" --help)
of_program=$(grep -oE '^  --[a-z0-9.-]+' <<<"$help" | tr -d ' ' | sort)
# The options have their names at the beginning of the line behind .TP.
of_page=$(sed -n '/^\.TP$/{n;p}' "$page" | sed 's/\\-/-/g' | grep -oE '^\.[BIR]+ --[a-z0-9.-]+' |
  sed 's/^[^ ]* //' | sort)
# shellcheck source=/dev/null
of_completion=$(
  source "$completion"
  COMP_WORDS=("$name" --) COMP_CWORD=1
  _httpool "$name"
  printf '%s\n' "${COMPREPLY[@]}" | sort
)
[[ -n $of_program ]] || fail "--help shows no options"
[[ $of_program == "$of_page" ]] ||
  fail "--help (<) and the man page (>) differ:"$'\n'"$(diff <(echo "$of_program") <(echo "$of_page"))"
[[ $of_program == "$of_completion" ]] ||
  fail "--help (<) and the completion (>) differ:"$'\n'"$(diff <(echo "$of_program") <(echo "$of_completion"))"

grep -q '^examples:$' <<<"$help" || fail "--help has no example"
grep -q '^exit codes: 0 .*, 1 .*, 2 ' <<<"$help" || fail "--help does not tell the exit codes"
codes=$(sed -n '/^\.SH EXIT STATUS/,/^\.SH EXAMPLES/s/^\.B \([0-9]*\)$/\1/p' "$page" | tr '\n' ' ')
[[ $codes == '0 1 2 ' ]] || fail "the man page tells of the exit codes $codes"
status=0
"$program" --no-such-option >/dev/null 2>&1 || status=$?
((status == 2)) || fail "a wrong argument ends it with $status"

if command -v mandoc >/dev/null; then
  mandoc -Tlint -W warning "$page" || fail "mandoc finds fault with the man page"
fi
if command -v man >/dev/null; then
  found=$(LC_ALL=C.UTF-8 MANROFFSEQ='' MANWIDTH=80 man --warnings -E UTF-8 -l -Tutf8 -Z "$page" 2>&1 >/dev/null)
  [[ -z $found ]] || fail "$found"
fi
echo "$name: $(wc -l <<<"$of_program") options, the same in all places"

#!/usr/bin/env bash
# usage: tutorial.sh PAGE PREFIX HOME
#
# Does what doc/tutorial.md tells the reader to do: writes the files that it marks with
# `<!-- file: NAME -->`, and runs the commands that it marks with `<!-- run -->`, all in one shell. Where
# it says `<!-- run and compare -->` their output must be what the page shows. httpool is installed in
# PREFIX; the folder HOME is made anew for the reader's own. With HTTPOOL_WHOLE_RUN in the environment
# the page's own commands install it, in a copy of the source, which takes some minutes.
set -euo pipefail
page=$(realpath "$1")
prefix=$(realpath "$2")

# The page's ports may be in use here, and are not in a network of its own.
if [[ -z ${HTTPOOL_TUTORIAL-} ]]; then
  export HTTPOOL_TUTORIAL=running
  if unshare --map-root-user --net ip link set lo up 2>/dev/null; then
    exec unshare --map-root-user --net bash -c 'ip link set lo up && exec "$@"' _ "$0" "$@"
  fi
fi

# A compiler cache stays where it was.
if command -v ccache >/dev/null; then
  CCACHE_DIR=$(ccache --get-config cache_dir)
  export CCACHE_DIR
fi
HOME=$(realpath "$3")
export HOME
rm -rf "$HOME"
mkdir "$HOME"
trap 'trap - EXIT; kill $(jobs -p) 2>/dev/null || true' EXIT
if [[ -z ${HTTPOOL_WHOLE_RUN-} ]]; then
  ln -s "$prefix" "$HOME/httpool"
fi

fail() {
  printf '%s: %s\n' "$page" "$*" >&2
  exit 1
}

# do_command COMMAND: in this shell; its output is in $HOME/.output, but for what goes on behind it.
do_command() {
  printf '$ %s\n' "$1"
  if [[ $1 == *'&' ]]; then
    eval "$1"
  else
    eval "$1" >"$HOME/.output" || { cat "$HOME/.output"; fail "'$1' failed"; }
  fi
}

# compare COMMAND EXPECTED
compare() {
  if [[ $how == compare && $1 != *'&' ]]; then
    [[ $(<"$HOME/.output") == "$2" ]] || fail "'$1' gave: $(<"$HOME/.output")"
    [[ -z $2 ]] || printf '%s\n' "$2"
  fi
}

files=0 commands=0 how='' file='' command='' expected='' in_block=no
while IFS= read -r line <&3; do
  if [[ $in_block == no ]]; then
    case $line in
    '<!-- file: '*) file=${line#'<!-- file: '} file=${file%' -->'} ;;
    '<!-- run -->') how=run ;;
    '<!-- run in the source -->')
      if [[ -n ${HTTPOOL_WHOLE_RUN-} ]]; then
        how=run
        mkdir "$HOME/source"
        find "$(dirname "$page")/.." -mindepth 1 -maxdepth 1 ! -name build ! -name .git \
          -exec cp -r -t "$HOME/source" {} +
        cd "$HOME/source"
      fi
      ;;
    '<!-- run and compare -->') how=compare ;;
    '```'*)
      in_block=yes
      if [[ -n $file ]]; then
        : >"$file"
      fi
      ;;
    esac
    continue
  fi
  if [[ $line != '```' && -n $file ]]; then
    printf '%s\n' "$line" >>"$file"
  elif [[ $line != '```' && -n $how && $line != '$ '* ]]; then
    expected+=${expected:+$'\n'}$line
  elif [[ -n $how ]]; then
    # A command's output ends where the next command, or the block, does.
    if [[ -n $command ]]; then
      compare "$command" "$expected"
    fi
    command='' expected=''
    if [[ $line == '$ '* ]]; then
      command=${line#'$ '}
      do_command "$command"
      commands=$((commands + 1))
    fi
  fi
  if [[ $line == '```' ]]; then
    files=$((files + (${#file} != 0)))
    in_block=no how='' file=''
  fi
done 3<"$page"
((files > 0 && commands > 0)) || fail "no files, or no commands, were found"
echo "$files files, $commands commands: all as the page says"

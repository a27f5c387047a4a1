# What the tests of ServiceA against other servers share; sourced by them. It makes a `folder` that
# goes when the test ends, and ends the processes that are in `pids`.
set -euo pipefail
shopt -s inherit_errexit
PATH=$PATH:/usr/sbin # where Debian keeps servers

folder=$(mktemp -d)
chmod 755 "$folder" # servers that root starts have workers of other users
pids=()

clean_up() {
  local status=$?
  for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
  for pid in "${pids[@]}"; do wait_until 100 ends "$pid" || kill -KILL "$pid" || true; done
  wait 2>/dev/null || true
  rm -rf "$folder"
  exit "$status"
}
trap clean_up EXIT

fail() {
  printf 'failed: %s\n' "$*" >&2
  exit 1
}

ok() { printf 'ok: %s\n' "$*"; }

expect() { # WHAT GOT WANTED
  [[ $2 == "$3" ]] || fail "$1: '${2:0:200}', not '${3:0:200}'"
  local shown=${3%%$'\n'*}
  ok "$1: ${shown:0:60}"
}

at_least() { # WHAT GOT LEAST
  (($2 >= $3)) || fail "$1: $2, fewer than $3"
  ok "$1: $2, at least $3"
}

at_most() { # WHAT GOT MOST
  (($2 <= $3)) || fail "$1: $2, more than $3"
  ok "$1: $2, at most $3"
}

# need PROGRAM: without it the test is skipped, which 77 means to CTest.
need() {
  if ! command -v "$1" >/dev/null; then
    printf 'skipped: %s is not installed (tools/setup --peers installs it)\n' "$1"
    exit 77
  fi
}

ends() { ! kill "$1" 2>/dev/null; } # one that has only just started may not have heard the first
gone() { ! kill -0 "$1" 2>/dev/null; }

# wait_until TENTHS COMMAND...: whether it succeeds within that time.
wait_until() {
  local left=$(($1 * 5))
  shift
  until "$@"; do
    ((left-- > 0)) || return 1
    sleep 0.02
  done
}

# start_on_free_ports COUNT FUNCTION: calls it, with `ports` set to some that may be free, until it
# succeeds. For servers that cannot let the system pick; below the ports that the system gives.
start_on_free_ports() {
  local i
  for _ in 1 2 3 4 5 6 7 8; do
    ports=()
    for ((i = 0; i < $1; ++i)); do ports+=($((10000 + (RANDOM * 32768 + RANDOM) % 20000))); done
    "$2" && return
  done
  fail 'the server does not start'
}

# call URL... OPTIONS...: runs ServiceA, with what it says in $folder/lines and $folder/stats.
call() {
  "$service_a" "$@" --json --stats >"$folder/lines" 2>"$folder/stats"
}

count() { grep -cE -- "$1" "${2:-$folder/lines}" || true; }
answered() { count "\"status\":$1,\"error\":null"; }
reused() { count '"error":null,.*"reused":true'; }
failures() { sed -n 's/.*"error":"\([^"]*\)".*/\1/p' "$folder/lines" | sort | uniq -c; }

# all_answered WHAT STATUS HOW_MANY URL... OPTIONS...: all requests get that status.
all_answered() {
  local what=$1 status=$2 wanted=$3
  shift 3
  if ! call "$@"; then
    failures >&2
    fail "$what: not every request got a response"
  fi
  if (($(answered "$status") != wanted)); then
    tail -n 3 "$folder/lines" >&2
    fail "$what: not every status is $status"
  fi
  ok "$what: $wanted times $status, $(reused) over a connection that had served"
}

# under_load CALLERS URL ACTION: 8000 GETs over 4 connections; the action is done each time that
# another quarter of them has been answered, three times in all.
under_load() {
  local url=$2 action=$3 line n=0
  rm -f "$folder/stream"
  mkfifo "$folder/stream"
  "$service_a" "$url" --requests 8000 --concurrency "$1" --connections 4 --timeout-ms 20000 \
    --json >"$folder/stream" &
  local load=$!
  while IFS= read -r line; do
    printf '%s\n' "$line"
    n=$((n + 1))
    if ((n % 2000 == 0 && n < 8000)); then "$action" >&2; fi
  done <"$folder/stream" >"$folder/lines"
  wait "$load" || true
  failures
}

# none_fails_meanwhile WHAT URL ACTION: the server closes connections that it kept, whether they are
# idle or go from caller to caller, and what was sent over one of them is sent again.
none_fails_meanwhile() {
  local callers
  for callers in 4 16; do
    under_load $callers "$2" "$3"
    expect "GETs of $callers callers over 4 connections, answered by $1 meanwhile" \
      "$(answered 200)" 8000
  done
}

# refuses_large_and_keeps_small PAGE: what nginx and Apache httpd, which have the same pages behind
# $url, answer to a body of 30 MB, and to requests whose responses have no body, or are HTTP/1.0's.
refuses_large_and_keeps_small() {
  local page=$1
  "$service_a" "$page" --method POST --body-bytes 30000000 --requests 5 --json >"$folder/lines" || true
  expect 'an early 413, or a connection that ended' \
    "$(count '"status":413,"error":null|"error":"connection_closed: ')" 5
  printf 'those with a 413: %s\n' "$(answered 413)"
  all_answered 'HEAD' 200 50 "$url/packed.txt" --method HEAD --requests 50
  expect 'without a body' "$(count '"bytes":0,')" 50
  at_least 'reused' "$(reused)" 49
  all_answered '204' 204 50 "$url/204" --requests 50
  at_least 'reused' "$(reused)" 49
  all_answered '304' 304 50 "$page" --requests 50 --header 'If-None-Match: *'
  at_least 'reused' "$(reused)" 49
  all_answered 'HTTP/1.0' 200 50 "$page" --http1.0 --requests 50
  at_least 'reused' "$(reused)" 49
}

#!/usr/bin/env bash
# usage: service_a.sh nginx SERVICE_A
#        service_a.sh restart SERVICE_A SERVICE_B
#        service_a.sh usage SERVICE_A
#
# ServiceA under load against nginx, and against a ServiceB that is killed and started anew
# meanwhile; and what it says to a command line that makes no sense. Exits 77, which CTest takes for skipped, when a program is not installed.
set -euo pipefail

test=$1
service_a=$2
folder=$(mktemp -d)
chmod 755 "$folder" # nginx, started by root, has workers of another user
pids=()

clean_up() {
  for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
  wait 2>/dev/null || true
  rm -rf "$folder"
}
trap clean_up EXIT

fail() {
  printf 'failed: %s\n' "$*" >&2
  exit 1
}

at_least() { # WHAT GOT LEAST
  (($2 >= $3)) || fail "$1: $2, fewer than $3"
  printf 'ok: %s: %s, at least %s\n' "$1" "$2" "$3"
}

at_most() { # WHAT GOT MOST
  (($2 <= $3)) || fail "$1: $2, more than $3"
  printf 'ok: %s: %s, at most %s\n' "$1" "$2" "$3"
}

count() { # PATTERN FILE
  grep -cE "$1" "$2" || true
}

# Starts nginx, which has no way to let the system pick its port, and sets `port` and `nginx`.
start_nginx() {
  for _ in 1 2 3 4 5; do
    port=$((20000 + RANDOM % 10000))
    cat >"$folder/nginx.conf" <<CONF
worker_processes 1;
pid $folder/pid;
error_log $folder/error.log;
events { worker_connections 256; }
http {
  log_format connections '\$connection \$connection_requests \$status';
  access_log $folder/access.log connections;
  client_body_temp_path $folder/body;
  proxy_temp_path $folder/proxy;
  fastcgi_temp_path $folder/fastcgi;
  uwsgi_temp_path $folder/uwsgi;
  scgi_temp_path $folder/scgi;
  keepalive_requests 100000;
  server {
    listen 127.0.0.1:$port;
    location / { return 200 "nginx says hello\n"; }
  }
}
CONF
    # It comes back once it listens, with its process in the background.
    if nginx -p "$folder" -c "$folder/nginx.conf" 2>>"$folder/error.log"; then
      nginx=$(<"$folder/pid")
      pids+=("$nginx")
      return
    fi
  done
  cat "$folder/error.log" >&2
  fail 'nginx does not start'
}

nginx_test() {
  PATH=$PATH:/usr/sbin
  if ! command -v nginx >/dev/null; then
    printf 'skipped: nginx is not installed (tools/setup --peers installs it)\n'
    exit 77
  fi
  start_nginx
  "$service_a" "http://127.0.0.1:$port/hello" --requests 10000 --concurrency 64 --connections 8 \
    --timeout-ms 60000 --json --stats >"$folder/lines" || fail 'not every request got a response'
  at_least 'requests with status 200' "$(count '"status":200,"error":null' "$folder/lines")" 10000
  at_least 'those over a connection that had served' "$(count '"reused":true' "$folder/lines")" 9990
  at_least 'whole bodies' "$(count '"bytes":17,"body_head":"nginx says hello' "$folder/lines")" 10000
  kill -QUIT "$nginx" # it writes the end of its log
  while kill -0 "$nginx" 2>/dev/null; do :; done
  at_least 'requests in the log of nginx' "$(wc -l <"$folder/access.log")" 10000
  at_most 'connections in the log of nginx' \
    "$(cut -d' ' -f1 "$folder/access.log" | sort -u | wc -l)" 8
}

# Starts ServiceB on port $1, 0 for any, and sets `port` and `server`.
start_service_b() {
  rm -f "$folder/listening"
  mkfifo "$folder/listening"
  "$service_b" --port "$1" --log-level warn >"$folder/listening" &
  server=$!
  pids+=("$server")
  local line
  read -r line <"$folder/listening"
  port=${line##*:}
}

# Only those may fail that were under way at the stop, and those whose dial was refused while nobody
# listened. A dial that the system still accepts for a process that is ending is under way too.
restart_test() {
  local signal=$1 requests=20000 callers=64 lines=$folder/lines-$1 load
  start_service_b 0
  mkfifo "$folder/stream-$signal"
  "$service_a" "http://127.0.0.1:$port/" --requests $requests --concurrency $callers \
    --connections 8 --timeout-ms 60000 --json >"$folder/stream-$signal" &
  load=$!
  # The stop comes after a quarter of the answers, the start once a caller was refused.
  : >"$lines"
  exec 3<"$folder/stream-$signal"
  local line n=0
  while ((n < requests / 4)) && IFS= read -r line <&3; do
    printf '%s\n' "$line" >>"$lines"
    n=$((n + 1))
  done
  kill "-$signal" "$server"
  wait "$server" 2>/dev/null || true
  while IFS= read -r line <&3; do
    printf '%s\n' "$line" >>"$lines"
    [[ $line == *'"error":"connection_refused: '* ]] && break
  done
  start_service_b "$port"
  cat <&3 >>"$lines"
  exec 3<&-
  wait "$load" && fail 'nobody was refused'
  kill "$server"
  wait "$server" || fail 'ServiceB does not stop in order'

  sed -n 's/.*"error":"\([^"]*\)".*/\1/p' "$lines" | sort | uniq -c
  at_least "$signal: lines" "$(wc -l <"$lines")" $requests
  local good closed refused
  good=$(count '"status":200,"error":null' "$lines")
  closed=$(count '"status":null,"error":"connection_closed: ' "$lines")
  refused=$(count '"status":null,"error":"connection_refused: ' "$lines")
  at_least "$signal: answered, closed and refused" $((good + closed + refused)) $requests
  at_most "$signal: closed" "$closed" $callers
  at_most "$signal: refused" "$refused" $callers
  at_least "$signal: the last 1000 that are 200" \
    "$(tail -n 1000 "$lines" | grep -c '"status":200,"error":null')" 1000
}

usage_test() {
  local url status why
  for url in http://127.0.0.1:8080x/foo http://127.0.0.1:8080:80/ http://127.0.0.1:8080-1 \
    http://a:x/ http://a:-1/ 'http://[::1]x/' 'http://[::1]8080/' http://a:0/ http://a:65536/ \
    https://a/ http:/a http:// a; do
    status=0
    why=$("$service_a" "$url" 2>&1 >/dev/null) || status=$?
    ((status == 2)) || fail "$url: exit $status"
    [[ $why == "service_a: \"$url\" is not a URL"*$'\n'usage:* ]] || fail "$url: $why"
    printf 'ok: %s\n' "${why%%$'\n'*}"
  done
  local options
  for options in --json --help ''; do
    status=0
    # Nobody listens on port 1; what there is to say goes to a disk that is full.
    why=$("$service_a" http://127.0.0.1:1/ $options 2>&1 >/dev/full) || status=$?
    ((status == 1)) || fail "a full disk: exit $status"
    [[ $why == 'service_a: cannot write to standard output' ]] || fail "a full disk: $why"
    printf 'ok: %s\n' "$why"
  done
}

case $test in
nginx) nginx_test ;;
restart)
  service_b=$3
  restart_test KILL
  restart_test TERM
  ;;
usage) usage_test ;;
esac

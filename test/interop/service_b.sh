#!/usr/bin/env bash
# usage: service_b.sh SERVICE_B curl|ab|wrk|nginx
#
# ServiceB against a client that others wrote, or behind nginx as a reverse proxy. Exits 77, which
# CTest takes for skipped, when that program is not installed.
set -euo pipefail

service_b=$1
peer=$2
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

expect() { # WHAT GOT WANTED
  [[ $2 == "$3" ]] || fail "$1 is '$2', not '$3'"
  printf 'ok: %s is %s\n' "$1" "${3:0:60}"
}

PATH=$PATH:/usr/sbin
if ! command -v "$peer" >/dev/null; then
  printf 'skipped: %s is not installed (tools/setup --peers installs it)\n' "$peer"
  exit 77
fi

# Starts ServiceB on a port of the system's choice and sets `port`.
mkfifo "$folder/listening"
"$service_b" --port 0 --log-level warn >"$folder/listening" &
pids+=($!)
read -r line <"$folder/listening"
port=${line##*:}
url=http://127.0.0.1:$port

curl_case() {
  expect 'the body of /' "$(curl -sS "$url/")" 'Hello, World!'
  expect 'the status of /nothing' "$(curl -sS -o /dev/null -w '%{http_code}' "$url/nothing")" 404
  expect 'the status of DELETE /' "$(curl -sS -o /dev/null -w '%{http_code}' -X DELETE "$url/")" 405
  expect 'HEAD of /bytes/100' \
    "$(curl -sS -I "$url/bytes/100" | tr -d '\r' | awk 'tolower($1) == "content-length:" {print $2}')" 100
  expect 'the bytes of /bytes/300000' "$(curl -sS "$url/bytes/300000" | wc -c)" 300000
  head -c 300000 /dev/urandom >"$folder/upload"
  curl -sS --data-binary @"$folder/upload" "$url/echo" | cmp - "$folder/upload" ||
    fail 'an upload with a length does not come back'
  curl -sS -H 'Transfer-Encoding: chunked' --data-binary @"$folder/upload" "$url/echo" |
    cmp - "$folder/upload" || fail 'a chunked upload does not come back'
  curl -sS -H 'Expect: 100-continue' --data-binary @"$folder/upload" "$url/echo" |
    cmp - "$folder/upload" || fail 'an upload after 100-continue does not come back'
  expect 'HTTP/1.0' "$(curl -sS -0 "$url/")" 'Hello, World!'
  expect 'the request numbers of one connection' \
    "$(curl -sS -o /dev/null -o /dev/null -o /dev/null -D - "$url/" "$url/" "$url/" | tr -d '\r' |
      awk 'tolower($1) == "x-request-number:" {printf "%s ", $2}')" '1 2 3 '
}

ab_case() {
  ab -q -k -n 20000 -c 16 "$url/" >"$folder/ab"
  expect 'complete requests' "$(awk '/^Complete requests:/ {print $3}' "$folder/ab")" 20000
  expect 'failed requests' "$(awk '/^Failed requests:/ {print $3}' "$folder/ab")" 0
  expect 'kept connections' "$(awk '/^Keep-Alive requests:/ {print $3}' "$folder/ab")" 20000
}

# wrk says nothing of errors if there were none.
wrk_case() {
  wrk -t1 -c64 -d2s "$url/" >"$folder/wrk"
  cat >"$folder/pipeline.lua" <<'LUA'
init = function()
  local one = wrk.format("GET", "/")
  batch = string.rep(one, 16)
end
request = function() return batch end
LUA
  wrk -t1 -c16 -d2s -s "$folder/pipeline.lua" "$url/" >"$folder/pipelined"
  for report in wrk pipelined; do
    cat "$folder/$report"
    expect "errors of $report" "$(grep -cE 'Socket errors|Non-2xx' "$folder/$report" || true)" 0
    (($(awk '/requests in/ {print $1}' "$folder/$report") > 100)) || fail "$report: hardly a request"
  done
}

nginx_case() {
  local proxy_port
  cat >"$folder/nginx.conf" <<CONF
daemon off;
worker_processes 1;
pid $folder/pid;
error_log $folder/error.log;
events { worker_connections 256; }
http {
  access_log off;
  client_body_temp_path $folder/body;
  proxy_temp_path $folder/proxy;
  fastcgi_temp_path $folder/fastcgi;
  uwsgi_temp_path $folder/uwsgi;
  scgi_temp_path $folder/scgi;
  client_max_body_size 10m;
  upstream service_b { server 127.0.0.1:$port; keepalive 4; }
  server {
    listen unix:$folder/socket;
    client_body_buffer_size 1m;
    proxy_buffering off;
    location / {
      proxy_pass http://service_b;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
    }
  }
}
CONF
  nginx -p "$folder" -c "$folder/nginx.conf" 2>>"$folder/error.log" &
  pids+=($!)
  local through=(curl -sS --max-time 20 --retry 20 --retry-delay 1 --retry-all-errors --unix-socket "$folder/socket")
  expect 'the body of / through nginx' "$("${through[@]}" http://b/)" 'Hello, World!'
  head -c 300000 /dev/urandom >"$folder/upload"
  "${through[@]}" --data-binary @"$folder/upload" http://b/echo | cmp - "$folder/upload" ||
    fail 'an upload through nginx does not come back'
  local ids
  ids=$(for _ in 1 2 3 4 5; do
    "${through[@]}" -o /dev/null -D - http://b/
  done | tr -d '\r' | awk 'tolower($1) == "x-connection-id:" {print $2}' | sort -u | wc -l)
  expect 'connections that nginx used for five requests' "$ids" 1
}

"${peer}_case"

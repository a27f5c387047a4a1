#!/usr/bin/env bash
# usage: haproxy.sh SERVICE_A SERVICE_B
#
# ServiceA against HAProxy, which answers by itself or asks a ServiceB.
source "$(dirname "${BASH_SOURCE[0]}")/peers.sh"
service_a=$1
service_b=$2
need haproxy

mkfifo "$folder/listening"
"$service_b" --port 0 --log-level warn >"$folder/listening" &
pids+=($!)
read -r line <"$folder/listening" || fail 'ServiceB does not start'
behind=${line##*:}

start() {
  cat >"$folder/haproxy.cfg" <<CONF
global
  maxconn 256
  nbthread 1
  hard-stop-after 5s
defaults
  mode http
  timeout connect 5s
  timeout client 20s
  timeout server 20s
  timeout http-request 5s
  timeout http-keep-alive 10s
frontend plain
  bind 127.0.0.1:${ports[0]}
  bind unix@$folder/socket
  stats enable
  stats uri /statistics
  http-request return status 200 content-type text/plain string "haproxy says hello" if { path / }
  http-request return status 204 if { path /204 }
  http-request deny deny_status 413 if { path /deny }
  default_backend service_b
frontend short
  bind 127.0.0.1:${ports[1]}
  timeout http-keep-alive 200ms
  http-request return status 200 content-type text/plain string short
backend service_b
  server b 127.0.0.1:$behind
CONF
  rm -f "$folder/pid"
  haproxy -W -q -p "$folder/pid" -f "$folder/haproxy.cfg" >>"$folder/log" 2>&1 &
  haproxy=$!
  pids+=("$haproxy")
  wait_until 100 started || fail 'HAProxy does not start'
  ! gone "$haproxy"
}

# It writes its PID once it listens, and ends if it cannot.
started() { [[ -s $folder/pid ]] || gone "$haproxy"; }

start_on_free_ports 2 start
url=http://127.0.0.1:${ports[0]}

all_answered 'GETs' 200 3000 "$url/" --requests 3000 --concurrency 16 --connections 4
at_least 'reused' "$(reused)" 2996
all_answered 'GETs that ServiceB answers' 200 1000 "$url/bytes/1000" --requests 1000 \
  --concurrency 16 --connections 4
expect 'whole bodies' "$(count '"bytes":1000,')" 1000
at_least 'reused' "$(reused)" 996
all_answered 'over a socket' 200 100 http://haproxy.test/ --requests 100 \
  --unix-socket "$folder/socket"
at_least 'reused' "$(reused)" 99

# Bodies, and none.
all_answered 'chunked responses' 200 20 "$url/statistics" --requests 20
at_least 'reused' "$(reused)" 19
head -c 3000000 /dev/urandom >"$folder/upload"
all_answered 'an echo' 200 2 "$url/echo" --data "@$folder/upload" --requests 2 \
  --output "$folder/echo" --timeout-ms 20000
cat "$folder/upload" "$folder/upload" | cmp - "$folder/echo" || fail 'an upload does not come back'
all_answered 'an echo after 100-continue' 200 2 "$url/echo" --data "@$folder/upload" --requests 2 \
  --header 'Expect: 100-continue' --output "$folder/echo" --timeout-ms 20000
cat "$folder/upload" "$folder/upload" | cmp - "$folder/echo" || fail 'an upload does not come back'
"$service_a" "$url/deny" --method POST --body-bytes 30000000 --requests 5 --json \
  >"$folder/lines" || true
expect 'an early 413, or a connection that ended' \
  "$(count '"status":413,"error":null|"error":"connection_closed: ')" 5
printf 'those with a 413: %s\n' "$(answered 413)"
all_answered 'HEAD' 200 50 "$url/bytes/1000" --method HEAD --requests 50
expect 'without a body' "$(count '"bytes":0,')" 50
at_least 'reused' "$(reused)" 49
for path in 204 status/204 status/304; do
  all_answered "$path" "${path#*/}" 50 "$url/$path" --requests 50
  at_least 'reused' "$(reused)" 49
done
all_answered 'HTTP/1.0' 200 50 "$url/bytes/1000" --http1.0 --requests 50
at_least 'reused' "$(reused)" 49

# Connections that end.
for pause in 200 400; do
  all_answered "pauses of $pause ms, and a timeout of 200 ms" 200 12 \
    "http://127.0.0.1:${ports[1]}/" --requests 12 --concurrency 4 --gap-ms $pause
done

reload() { kill -USR2 "$haproxy"; }
none_fails_meanwhile 'HAProxy that is reloaded' "$url/" reload

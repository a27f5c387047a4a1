#!/usr/bin/env bash
# usage: nginx.sh SERVICE_A
#
# ServiceA against nginx: what it serves, how it ends connections, and a reload under load.
source "$(dirname "${BASH_SOURCE[0]}")/peers.sh"
service_a=$1
need nginx

start() {
  cat >"$folder/nginx.conf" <<CONF
worker_processes 1;
pid $folder/pid;
error_log $folder/error.log;
events { worker_connections 256; }
http {
  log_format connections '\$connection \$status';
  access_log $folder/access.log connections;
  client_body_temp_path $folder/body;
  proxy_temp_path $folder/proxy;
  fastcgi_temp_path $folder/fastcgi;
  uwsgi_temp_path $folder/uwsgi;
  scgi_temp_path $folder/scgi;
  client_max_body_size 1m;
  types { text/plain txt; }
  server {
    listen 127.0.0.1:${ports[0]};
    listen unix:$folder/socket;
    root $folder/root;
    keepalive_requests 100000;
    location = / { return 200 "nginx says hello\n"; }
    location = /host { return 200 "\$http_host"; }
    location = /204 { return 204; }
    location = /ten { keepalive_requests 10; return 200 ten; }
    location = /short { keepalive_timeout 200ms; return 200 short; }
    location = /hint { keepalive_timeout 5s 2s; return 200 hint; }
    location = /packed.txt { gzip on; gzip_types text/plain; }
    location = /count { client_max_body_size 100m; proxy_pass http://unix:$folder/inner:/; }
  }
  server {
    listen unix:$folder/inner;
    client_max_body_size 100m;
    return 200 "counted \$http_content_length";
  }
}
CONF
  # It comes back once it listens, with its process in the background.
  nginx -p "$folder" -c "$folder/nginx.conf" 2>>"$folder/error.log" || return
  wait_until 100 test -s "$folder/pid" || fail 'nginx writes no PID file'
  pids+=("$(<"$folder/pid")")
}

mkdir "$folder/root"
head -c 500000 /dev/urandom | base64 >"$folder/root/packed.txt"
start_on_free_ports 1 start
url=http://127.0.0.1:${ports[0]}

all_answered 'GETs' 200 10000 "$url/" --requests 10000 --concurrency 64 --connections 8 \
  --timeout-ms 60000
at_least 'reused' "$(reused)" 9990
expect 'whole bodies' "$(count '"bytes":17,"body_head":"nginx says hello')" 10000
logged() { (($(wc -l <"$folder/access.log") >= 10000)); }
wait_until 100 logged || fail 'the log of nginx has fewer requests'
at_most 'connections in the log of nginx' \
  "$(cut -d' ' -f1 "$folder/access.log" | sort -u | wc -l)" 8
all_answered 'over a socket' 200 100 http://nginx.test/host --requests 100 \
  --unix-socket "$folder/socket"
expect 'the Host' "$(count '"body_head":"nginx.test"')" 100
at_least 'reused' "$(reused)" 99
all_answered 'a URL of a socket' 200 100 "http+unix://${folder//\//%2F}%2Fsocket/host" \
  --requests 100
at_least 'reused' "$(reused)" 99

# Bodies, and none.
all_answered 'a chunked response' 200 20 "$url/packed.txt" --requests 20 --output "$folder/packed" \
  --header 'Accept-Encoding: gzip' --concurrency 4 --connections 2
for _ in {1..20}; do cat "$folder/root/packed.txt"; done >"$folder/wanted"
gunzip <"$folder/packed" | cmp - "$folder/wanted" || fail 'what was packed comes out as another'
at_least 'reused' "$(reused)" 18
all_answered 'a body of 30 MB' 200 2 "$url/count" --method POST --body-bytes 30000000 --requests 2 \
  --timeout-ms 20000
expect 'counted' "$(count '"body_head":"counted 30000000"')" 2
head -c 3000000 /dev/zero >"$folder/upload"
all_answered 'an upload after 100-continue' 200 3 "$url/count" --data "@$folder/upload" \
  --header 'Expect: 100-continue' --requests 3 --timeout-ms 20000
expect 'counted' "$(count '"body_head":"counted 3000000"')" 3
at_least 'reused' "$(reused)" 2
all_answered 'a 413 instead of 100-continue' 413 3 "$url/" --data "@$folder/upload" \
  --header 'Expect: 100-continue' --requests 3
refuses_large_and_keeps_small "$url/"
all_answered 'HTTP/1.0, to the end of the connection' 200 3 "$url/packed.txt" --http1.0 --requests 3

# Connections that end.
all_answered 'ten requests a connection' 200 1000 "$url/ten" --requests 1000 --concurrency 8 \
  --connections 4
for pause in 200 400; do
  all_answered "pauses of $pause ms, and a timeout of 200 ms" 200 12 "$url/short" --requests 12 \
    --concurrency 4 --gap-ms $pause
done
all_answered 'a pause beyond the timeout that was announced, less a second' 200 2 "$url/hint" \
  --requests 2 --gap-ms 1200
expect 'reused' "$(reused)" 0

reload() { kill -HUP "$(<"$folder/pid")"; }
none_fails_meanwhile 'nginx that is reloaded' "$url/" reload

#!/usr/bin/env bash
# usage: service_b_tls.sh curl|ab|wrk|h2load|nginx|haproxy|chromium SERVICE_B
#
# ServiceB over TLS with a client that others wrote, or behind a reverse proxy that verifies it.
source "$(dirname "${BASH_SOURCE[0]}")/peers.sh"
peer=$1
service_b=$2
need openssl
need curl
need "$peer"

openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=localhost -days 2 \
  -addext subjectAltName=DNS:localhost,IP:127.0.0.1 -keyout "$folder/key.pem" \
  -out "$folder/cert.pem" 2>"$folder/openssl.log"
mkfifo "$folder/listening"
"$service_b" --port 0 --log-level warn --cert "$folder/cert.pem" --key "$folder/key.pem" \
  >"$folder/listening" &
pids+=($!)
read -r line <"$folder/listening"
port=${line##*:}
url=https://localhost:$port

with_curl() { curl -sS --cacert "$folder/cert.pem" "$@"; }

curl_case() {
  local version
  for version in 1.2 1.3; do
    expect "TLS $version" "$(with_curl --tlsv$version --tls-max $version "$url/")" 'Hello, World!'
  done
  expect 'an unknown authority' "$(curl -sS "$url/" 2>/dev/null || echo $?)" 60
  expect 'TLS 1.1' "$(with_curl --tls-max 1.1 --ciphers DEFAULT@SECLEVEL=0 "$url/" 2>/dev/null || echo refused)" refused
  expect 'the bytes of a large body' "$(with_curl "$url/bytes/3000000" | wc -c)" 3000000
  head -c 3000000 /dev/urandom >"$folder/upload"
  with_curl --data-binary @"$folder/upload" "$url/echo" | cmp - "$folder/upload" ||
    fail 'an upload does not come back'
  ok 'an upload comes back'
  with_curl -H 'Transfer-Encoding: chunked' -H 'Expect: 100-continue' \
    --data-binary @"$folder/upload" "$url/echo" | cmp - "$folder/upload" ||
    fail 'a chunked upload after a 100 does not come back'
  ok 'a chunked upload after a 100 comes back'
  expect 'HTTP/1.1 is agreed on' "$(with_curl -o /dev/null -w '%{http_version}' --http2 "$url/")" 1.1
  expect 'requests of one connection' \
    "$(with_curl -o /dev/null -o /dev/null -o /dev/null -w '%{num_connects}' "$url/" "$url/" "$url/")" 100
}

ab_case() {
  ab -k -n 5000 -c 16 "$url/" >"$folder/ab" 2>&1 || fail "ab: $(tail -n 3 "$folder/ab")"
  expect 'complete' "$(awk '/^Complete requests:/ {print $3}' "$folder/ab")" 5000
  expect 'failed' "$(awk '/^Failed requests:/ {print $3}' "$folder/ab")" 0
  at_least 'over connections that were kept' "$(awk '/^Keep-Alive requests:/ {print $3}' "$folder/ab")" 5000
}

wrk_case() {
  wrk -t 1 -c 16 -d 2s "$url/" >"$folder/wrk" || fail 'wrk fails'
  at_least 'requests' "$(awk '/requests in/ {print $1}' "$folder/wrk")" 500
  expect 'errors' "$(grep -cE 'Socket errors|Non-2xx' "$folder/wrk" || true)" 0
}

h2load_case() {
  h2load --h1 -n 5000 -c 16 "$url/" >"$folder/h2load" || fail 'h2load fails'
  expect 'succeeded' "$(sed -n 's/.*done, \([0-9]*\) succeeded.*/\1/p' "$folder/h2load")" 5000
  expect 'protocol' "$(sed -n 's/^Application protocol: //p' "$folder/h2load")" http/1.1
}

# --no-sandbox is for root, whom containers run tests as.
chromium_case() {
  timeout 60 chromium --headless --no-sandbox --disable-gpu --disable-quic --no-first-run \
    --disable-background-networking --disable-component-update --disable-sync \
    --user-data-dir="$folder/profile" --ignore-certificate-errors --dump-dom "$url/" \
    >"$folder/dom" 2>"$folder/chromium.log" || fail "chromium: $(tail -n 3 "$folder/chromium.log")"
  expect 'the page' "$(grep -c 'Hello, World!' "$folder/dom")" 1
}

# Behind a proxy that keeps connections to it, and verifies it.
ask_proxy() {
  local front=http://127.0.0.1:${ports[0]}
  expect 'through it' "$(curl -sS "$front/")" 'Hello, World!'
  head -c 300000 /dev/urandom >"$folder/upload"
  curl -sS --data-binary @"$folder/upload" "$front/echo" | cmp - "$folder/upload" ||
    fail 'an upload does not come back'
  ok 'an upload comes back'
  expect 'ten requests' "$(for _ in 1 2 3 4 5 6 7 8 9 10; do curl -sS "$front/"; echo; done | grep -c Hello)" 10
}

listens() { (: <"/dev/tcp/127.0.0.1/${ports[0]}") 2>/dev/null; }

start_nginx() {
  cat >"$folder/nginx.conf" <<CONF
worker_processes 1;
pid $folder/pid;
error_log $folder/error.log;
events { worker_connections 256; }
http {
  access_log off;
  client_body_temp_path $folder/body; proxy_temp_path $folder/proxy;
  fastcgi_temp_path $folder/fastcgi; uwsgi_temp_path $folder/uwsgi; scgi_temp_path $folder/scgi;
  upstream service_b { server localhost:$port; keepalive 4; }
  server {
    listen 127.0.0.1:${ports[0]};
    location / {
      proxy_pass https://service_b; proxy_http_version 1.1; proxy_set_header Connection "";
      proxy_ssl_verify on; proxy_ssl_trusted_certificate $folder/cert.pem;
      proxy_ssl_name localhost; proxy_ssl_server_name on;
    }
  }
}
CONF
  nginx -p "$folder" -c "$folder/nginx.conf" 2>>"$folder/error.log" || return
  wait_until 100 test -s "$folder/pid"
  pids+=("$(<"$folder/pid")")
}

start_haproxy() {
  cat >"$folder/haproxy.cfg" <<CONF
defaults
  mode http
  timeout connect 5s
  timeout client 30s
  timeout server 30s
listen front
  bind 127.0.0.1:${ports[0]}
  server b 127.0.0.1:$port ssl verify required ca-file $folder/cert.pem verifyhost localhost sni str(localhost)
CONF
  haproxy -f "$folder/haproxy.cfg" 2>>"$folder/error.log" &
  pids+=($!)
  wait_until 50 listens
}

nginx_case() { start_on_free_ports 1 start_nginx && ask_proxy; }
haproxy_case() { start_on_free_ports 1 start_haproxy && ask_proxy; }

"${peer}_case"

#!/usr/bin/env bash
# usage: proxy.sh tinyproxy|microsocks SERVICE_A SERVICE_B
#
# ServiceA calls ServiceB, plain and over TLS, through a proxy that others wrote, with credentials and
# without.
source "$(dirname "${BASH_SOURCE[0]}")/peers.sh"
peer=$1
service_a=$2
service_b=$3
need openssl
need "$peer"

openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=localhost -days 2 \
  -addext subjectAltName=DNS:localhost,IP:127.0.0.1 -keyout "$folder/key.pem" \
  -out "$folder/cert.pem" 2>"$folder/openssl.log"

# serve FLAGS...: starts ServiceB, and sets `port`.
serve() {
  local line
  rm -f "$folder/listening"
  mkfifo "$folder/listening"
  "$service_b" --port 0 --log-level warn "$@" >"$folder/listening" &
  pids+=($!)
  read -r line <"$folder/listening"
  port=${line##*:}
}

serve
plain=http://127.0.0.1:$port/
serve --cert "$folder/cert.pem" --key "$folder/key.pem"
encrypted=https://localhost:$port/

listens() { (: <"/dev/tcp/127.0.0.1/${ports[0]}") 2>/dev/null; }

start_tinyproxy() {
  {
    printf 'Port %s\nListen 127.0.0.1\nTimeout 30\nMaxClients 50\nLogFile "%s/tinyproxy.log"\n' \
      "${ports[0]}" "$folder"
    if [[ $guarded == yes ]]; then printf 'BasicAuth me secret\n'; fi
  } >"$folder/tinyproxy.conf"
  tinyproxy -d -c "$folder/tinyproxy.conf" >"$folder/proxy.log" 2>&1 &
  pids+=($!)
  wait_until 50 listens
}

start_microsocks() {
  local credentials=()
  if [[ $guarded == yes ]]; then credentials=(-u me -P secret); fi
  microsocks -i 127.0.0.1 -p "${ports[0]}" "${credentials[@]}" >"$folder/proxy.log" 2>&1 &
  pids+=($!)
  wait_until 50 listens
}

declare -A schemes=([tinyproxy]=http [microsocks]=socks5)
scheme=${schemes[$peer]}

# refused WHAT ERROR ARGUMENTS...
refused() {
  local what=$1 error=$2
  shift 2
  call "$@" && fail "$what: a response"
  at_least "$what: $error" "$(count "\"error\":\"$error: ")" 1
}

for guarded in no yes; do
  printf '%s\n' "--- credentials: $guarded"
  start_on_free_ports 1 "start_$peer"
  proxy=$scheme://127.0.0.1:${ports[0]}
  right=$proxy
  if [[ $guarded == yes ]]; then right=$scheme://me:secret@127.0.0.1:${ports[0]}; fi
  all_answered "$plain" 200 200 "$plain" --proxy "$right" --requests 200 --concurrency 4
  all_answered "$encrypted" 200 200 "$encrypted" --proxy "$right" --cacert "$folder/cert.pem" \
    --requests 200 --concurrency 4 --connections 4
  at_least 'reused in tunnels' "$(reused)" 196
  all_answered 'without the proxy' 200 1 "$encrypted" --proxy http://127.0.0.1:1 --no-proxy localhost \
    --cacert "$folder/cert.pem"
  refused 'nothing listens' connection_refused "$encrypted" --proxy "$scheme://127.0.0.1:1"
  if [[ $guarded == yes ]]; then
    refused 'no credentials' proxy_authentication_failed "$encrypted" --proxy "$proxy"
    # tinyproxy answers 401, as if it were an origin.
    refused 'wrong ones' 'proxy_(authentication_failed|refused)' "$encrypted" \
      --proxy "$scheme://me:wrong@127.0.0.1:${ports[0]}"
  fi
done

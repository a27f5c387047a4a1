#!/usr/bin/env bash
# prometheus.sh PART PROGRAM FOLDER [SERVICE_B]: what the registry writes, as promtool and Prometheus
# see it, and the alerts in FOLDER. PROGRAM is ServiceA where that is watched.
source "$(dirname "${BASH_SOURCE[0]}")/../interop/peers.sh"
part=$1
program=$2
operations=$3
service_b=${4-}
need promtool

# Starts the program and reads where it is, and what it has counted, into $folder/counts.
start_program() {
  need curl
  mkfifo "$folder/in" "$folder/out"
  "$program" <"$folder/in" >"$folder/out" &
  pids+=($!)
  exec 8>"$folder/in" 9<"$folder/out"
  read -r place <&9 || fail 'the program does not start'
  local line
  : >"$folder/counts"
  while read -r line <&9 && [[ $line != end ]]; do printf '%s\n' "$line" >>"$folder/counts"; done
  at_least 'counts of its own' "$(wc -l <"$folder/counts")" 10
}

# The text, and OpenMetrics if that is asked for.
scrape() { curl --silent --show-error --fail --include "http://$place/metrics" "$@" | tr -d '\r'; }
body() { sed '1,/^$/d' "$1"; }

text() {
  start_program
  scrape --header 'Accept:' >"$folder/text"
  grep -qx 'Content-Type: text/plain; version=0.0.4; charset=utf-8' "$folder/text" ||
    fail 'another type of content'
  body "$folder/text" | promtool check metrics || fail 'promtool finds faults'
  ok "promtool: $(body "$folder/text" | wc -l) lines without fault"
  expect 'an end of OpenMetrics in plain text' "$(grep -c '# EOF' "$folder/text" || true)" 0
  scrape --header 'Accept: application/openmetrics-text' >"$folder/open"
  grep -qx 'Content-Type: application/openmetrics-text; version=1.0.0; charset=utf-8' \
    "$folder/open" || fail 'another type of content'
  expect 'the last line' "$(tail -n 1 "$folder/open")" '# EOF'
}

query() {
  curl --silent --fail --get --data-urlencode "query=$1" "http://127.0.0.1:${ports[0]}/api/v1/query" |
    sed -n 's/.*"value":\[[^,]*,"\([^"]*\)"\].*/\1/p'
}
is_up() { [[ $(query 'up{job="httpool"}') == 1 ]]; }

start_prometheus() {
  rm -rf "$folder/data"
  prometheus --config.file="$folder/prometheus.yml" --storage.tsdb.path="$folder/data" \
    --web.listen-address="127.0.0.1:${ports[0]}" >"$folder/log" 2>&1 &
  pids+=($!)
  local prometheus=$!
  answers() { gone "$prometheus" || curl --silent --fail "http://127.0.0.1:${ports[0]}/-/ready" >"$folder/ready"; }
  wait_until 300 answers || fail 'Prometheus does not start'
  ! gone "$prometheus"
}

# Begins to scrape $place.
scrape_by_prometheus() {
  need prometheus
  cat >"$folder/prometheus.yml" <<CONF
scrape_configs:
  - job_name: httpool
    scrape_interval: 200ms
    scrape_timeout: 200ms
    static_configs:
      - targets: ['$place']
CONF
  start_on_free_ports 1 start_prometheus
  wait_until 300 is_up || { tail -n 5 "$folder/log" >&2; fail 'Prometheus does not take what it scrapes'; }
}

scraped() {
  start_program
  scrape_by_prometheus
  local count asked
  while read -r count asked; do
    expect "$asked" "$(query "$asked")" "$count"
  done <"$folder/counts"
}

says() { grep -q "$1" "$2"; }
has_counted() { [[ $(query 'sum(http_client_request_duration_seconds_count)') == "$1" ]]; }

# ServiceA is scraped while it calls ServiceB, and afterwards its own count is asked for.
service_a() {
  need curl
  "$service_b" --port 0 --log-level error >"$folder/b" &
  pids+=($!)
  wait_until 300 says listening "$folder/b" || fail 'ServiceB does not start'
  local root
  root=http://$(sed -n 's/^listening on //p' "$folder/b")
  "$program" "$root/" "$root/status/404" --requests 600 --concurrency 3 --connections 2 --gap-ms 5 \
    --inspect 0 --keep >"$folder/report" 2>&1 &
  pids+=($!)
  wait_until 300 says 'the page is at' "$folder/report" || fail 'ServiceA does not start'
  place=$(sed -n 's|.*the page is at http://\(.*\)/pool$|\1|p' "$folder/report")
  scrape_by_prometheus
  wait_until 300 says '^  answered' "$folder/report" || fail 'ServiceA does not end'
  local total
  total=$(awk '/^  answered/ { print $2 }' "$folder/report")
  wait_until 300 has_counted "$total" || fail "another total than $total"
  ok "all of $total"
  local status
  for status in 2 4; do
    expect "those answered ${status}xx" \
      "$(query "sum(http_client_request_duration_seconds_count{outcome=\"${status}xx\"})")" \
      "$(awk -v s="$status" '/^    status/ && $2 ~ "^" s { print $3 }' "$folder/report")"
  done
  expect 'connections dialed' "$(query 'sum(httpool_dials_total)')" \
    "$(awk '/^  connections/ { print $2 }' "$folder/report")"
}

rules() {
  promtool check rules "$operations/alerts.yml" || fail 'the rules are at fault'
  (cd "$operations" && promtool test rules alerts_test.yml) || fail 'a rule does not do what it should'
  ok 'rules'
}

"$part"

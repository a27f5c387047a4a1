#!/usr/bin/env bash
# usage: service_a.sh restart SERVICE_A SERVICE_B
#        service_a.sh options SERVICE_A SERVICE_B
#        service_a.sh usage SERVICE_A
#
# ServiceA against a ServiceB that is killed and started anew meanwhile; what its options do; and
# what it says to a command line that makes no sense.
source "$(dirname "${BASH_SOURCE[0]}")/peers.sh"

test=$1
service_a=$2

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

# What a request is made of, and where the bodies go.
options_test() {
  start_service_b 0
  local url=http://127.0.0.1:$port upload=$folder/upload
  expect 'a text as a body, and standard output' \
    "$("$service_a" "$url/echo" --data 'a text' --output - 2>"$folder/summary")" 'a text'
  expect 'the summary' "$(count '^  answered     1$' "$folder/summary")" 1
  expect 'an empty text' "$("$service_a" "$url/echo" --data= --output - 2>/dev/null)" ''
  expect 'a text that begins with --' \
    "$("$service_a" "$url/echo" --data=--x --output - 2>/dev/null)" '--x'
  expect 'another method' \
    "$("$service_a" "$url/" --data x --method DELETE --output - 2>/dev/null)" 'method not allowed'
  head -c 1000000 /dev/urandom >"$upload"
  for framing in '' --http1.0; do
    "$service_a" "$url/echo" --data "@$upload" --requests 3 --output "$folder/echo" $framing \
      >"$folder/summary" || fail 'no response to an upload'
    cat "$upload" "$upload" "$upload" | cmp - "$folder/echo" || fail 'an upload does not come back'
    expect "an upload of a file $framing" "$(count '; 2 requests went over' "$folder/summary")" 1
  done
  : >"$upload"
  expect 'an empty file' "$("$service_a" "$url/echo" --data "@$upload" --output - 2>/dev/null)" ''

  call "$url/bytes/1" "$url/status/404" "http://localhost:$port/bytes/3" --requests 7 || true
  expect 'URLs in turn' "$(sed 's/.*"status":\([0-9]*\).*/\1/' "$folder/lines" | tr '\n' ' ')" \
    '200 404 200 200 404 200 200 '
  expect 'statistics an origin' "$(grep '^pool statistics' "$folder/stats" | tr '\n' ' ')" \
    "pool statistics of $url pool statistics of http://localhost:$port "
  call "$url/" || fail 'no response'
  expect 'statistics of the only one' "$(head -n 1 "$folder/stats")" 'pool statistics'
  call "$url/bytes/70" --output "$folder/seventy" || fail 'no response'
  expect 'the beginning of a body that goes to a file' \
    "$(sed 's/.*"bytes":70,"body_head":"\(.*\)"}/\1/' "$folder/lines")" \
    "$(head -c 64 "$folder/seventy")"
}

# refused WHY ARGUMENT...: one line that begins with WHY, one that is the usage, and exit 2.
refused() {
  local status=0 said why=$1
  shift
  said=$("$service_a" "$@" 2>&1 >/dev/null) || status=$?
  ((status == 2)) || fail "$*: exit $status"
  [[ $said == "service_a: $why"*$'\n''usage: service_a '* && $said != *$'\n'*$'\n'* ]] || fail "$*: $said"
  [[ ${said//$'\n'/} != *[[:cntrl:]]* ]] || fail "$*: a control character"
  ok "${said%%$'\n'*}"
}

usage_test() {
  local url why status options
  for url in http://127.0.0.1:8080x/foo http://127.0.0.1:8080-1 http://a:x/ http://a:-1/ \
    http://a:0/ http://a:65536/ http+unix://%2Fsocket:80/; do
    refused "\"$url\" is not a URL to send requests to: invalid_port: " "$url"
  done
  for url in http://127.0.0.1:8080:80/ 'http://[::1]x/' 'http://[::1]8080/' 'http://a/b c' \
    http://a..b/ http+unix://socket/ a; do
    refused "\"$url\" is not a URL to send requests to: invalid_url: " "$url"
  done
  for url in http:/a http:// http+unix:///; do
    refused "\"$url\" is not a URL to send requests to: url_without_host: " "$url"
  done
  refused '"ftp://a/" is not a URL to send requests to: unsupported_scheme: ' ftp://a/
  refused '--proxy, --no-proxy or the environment: ' http://a/ --proxy ftp://me:secret@b
  refused '--proxy and --proxy-from-environment exclude each other' http://a/ --proxy http://b --proxy-from-environment
  refused '--key is given, and --cert is not' https://a/ --key key.pem
  refused '--insecure and --cacert exclude each other' https://a/ --insecure --cacert a.pem
  refused '--cacert, --cert or --key: httpool: ca_file is "/nowhere"' https://a/ --cacert /nowhere
  refused '"http://a/?" is not a URL' http://a/$'\e'
  refused '"a" is not a URL' http://127.0.0.1/ a
  refused 'a URL that is not shown here is not' http://me:secret@a/
  refused 'a URL is missing'
  refused '--unix-socket is "", which' http://a/ --unix-socket ''
  refused '"http+unix://%2Fa/" names a socket, and so does --unix-socket' http+unix://%2Fa/ \
    --unix-socket /b
  refused "--data is \"@$folder/none\", which cannot be read: " http://a/ --data "@$folder/none"
  refused "--data is \"@$folder\", which cannot be read: " http://a/ --data "@$folder"
  refused '--data has no value' http://a/ --data --json
  refused '--body, --body-bytes and --data exclude each other' http://a/ --data a --body b
  refused "--output is \"$folder/none/a\", which cannot be written: " http://a/ \
    --output "$folder/none/a"
  refused '--json and --output - exclude each other' http://a/ --json --output -
  refused '--requests is "0", but' http://a/ --requests 0
  refused '--inspect is "65536", but' http://a/ --inspect 65536
  refused '--keep and --inspect-host need --inspect' http://a/ --keep
  refused '--inspect-host is "b", but' http://a/ --inspect 0 --inspect-host b
  refused '--method is "a b", which' http://a/ --method 'a b'
  refused "unrecognised option '--outpu'" http://a/ --outpu x
  for options in --json --help '--output -' ''; do
    status=0
    # Nobody listens on port 1; what there is to say goes to a disk that is full.
    why=$("$service_a" http://127.0.0.1:1/ $options 2>&1 >/dev/full) || status=$?
    ((status == 1)) || fail "a full disk: exit $status"
    [[ $options == '--output -' ]] || expect 'a full disk' "$why" \
      'service_a: cannot write to standard output'
  done
}

case $test in
restart)
  service_b=$3
  restart_test KILL
  restart_test TERM
  ;;
options)
  service_b=$3
  options_test
  ;;
usage) usage_test ;;
esac

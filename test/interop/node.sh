#!/usr/bin/env bash
# usage: node.sh SERVICE_A
#
# ServiceA against the HTTP server of Node.
source "$(dirname "${BASH_SOURCE[0]}")/peers.sh"
service_a=$1
need node

mkfifo "$folder/ports"
node "$(dirname "${BASH_SOURCE[0]}")/node_server.js" "$folder/socket" >"$folder/ports" &
pids+=($!)
read -r plain ten two_seconds quiet <"$folder/ports" || fail 'Node does not start'
url=http://127.0.0.1:$plain

all_answered 'GETs' 200 2000 "$url/" --requests 2000 --concurrency 16 --connections 4
at_least 'reused' "$(reused)" 1996
expect 'whole bodies' "$(count '"bytes":16,"body_head":"node says hello')" 2000

# Bodies, both ways.
head -c 3000000 /dev/urandom >"$folder/upload"
all_answered 'a body of 30 MB' 200 4 "$url/seen" --method POST --body-bytes 30000000 \
  --requests 4 --concurrency 2 --connections 2 --timeout-ms 20000 --output "$folder/seen"
expect 'counted' "$(count '"bytes":30000000,' "$folder/seen")" 4
all_answered 'an echo' 200 2 "$url/echo" --data "@$folder/upload" --requests 2 \
  --output "$folder/echo"
cat "$folder/upload" "$folder/upload" | cmp - "$folder/echo" || fail 'an upload does not come back'
expect 'a file is sent as a POST' "$(count '"reused":true')" 1
all_answered 'an upload after 100-continue' 200 3 "$url/seen" --data "@$folder/upload" \
  --header 'Expect: 100-continue' --requests 3 --output "$folder/seen"
expect 'counted' "$(count '"bytes":3000000,' "$folder/seen")" 3
at_least 'reused' "$(reused)" 2
all_answered 'chunked responses' 200 200 "$url/chunked" --requests 200 --concurrency 8 \
  --connections 2
expect 'whole' "$(count '"bytes":100000,"body_head":"aaaa')" 200
at_least 'reused' "$(reused)" 198
all_answered 'bodies beyond 64 MiB' 200 2 "$url/bytes/100000000" --requests 2 --concurrency 2 \
  --output "$folder/large" --timeout-ms 20000
expect 'their size' "$(wc -c <"$folder/large")" 200000000
rm "$folder/large"
"$service_a" "$url/early" --method POST --body-bytes 30000000 --json >"$folder/lines" || true
expect 'an early 413, or a connection that ended' \
  "$(count '"status":413,"error":null|"error":"connection_closed: ')" 1

# No body.
all_answered 'HEAD' 200 50 "$url/bytes/1000" --method HEAD --requests 50
expect 'without a body' "$(count '"bytes":0,')" 50
at_least 'reused' "$(reused)" 49
for status in 204 304; do
  all_answered "$status" $status 50 "$url/status/$status" --requests 50
  at_least 'reused' "$(reused)" 49
done

# What Node is asked.
all_answered 'HTTP/1.0, which Node never keeps' 200 5 "$url/seen" --http1.0 --requests 5 \
  --output "$folder/seen"
expect 'its version' "$(count '"version":"1.0",.*"connection":"keep-alive"' "$folder/seen")" 5
all_answered 'HTTP/1.0, to the end of the connection' 200 5 "$url/chunked" --http1.0 --requests 5
expect 'whole' "$(count '"bytes":100000,')" 5
all_answered 'a text' 200 1 "$url/seen" --data 'a text' --output "$folder/seen"
expect 'what Node saw' "$(<"$folder/seen")" \
  '{"method":"POST","url":"/seen","version":"1.1","number":0,"bytes":6,"host":"127.0.0.1:'"$plain"\
'","connection":"","length":"6","coding":""}'
socket_url=http+unix://${folder//\//%2F}%2Fsocket
all_answered 'a URL of a socket' 200 50 "$socket_url/seen?a=b" --requests 50 \
  --output "$folder/seen"
expect 'its target and Host' "$(count '"url":"/seen\?a=b",.*"host":"localhost"' "$folder/seen")" 50
at_least 'reused' "$(reused)" 49
all_answered '--unix-socket' 200 2 http://one.test/seen http://two.test:81/seen --requests 2 \
  --unix-socket "$folder/socket" --output "$folder/seen"
expect 'the hosts' "$(sed 's/.*"host":"\([^"]*\)".*/\1/' "$folder/seen" | tr '\n' ' ')" \
  'one.test two.test:81 '
expect 'one connection for both' "$(reused)" 1

# Several origins, and the order of what goes to a file.
all_answered 'two paths' 200 100 "$url/seen/one" "$url/seen/two" --requests 100 --concurrency 10 \
  --connections 5 --output "$folder/seen"
expect 'the order of the bodies' \
  "$(sed 's/.*"url":"\([^"]*\)".*"number":\([0-9]*\),.*/\2 \1/' "$folder/seen")" \
  "$(for i in {0..98..2}; do printf '%s /seen/one\n%s /seen/two\n' $i $((i + 1)); done)"
all_answered 'three origins' 200 300 "$url/" "http://127.0.0.1:$ten/" "$socket_url/" \
  --requests 300 --concurrency 12 --connections 2
expect 'statistics of each' "$(count '^pool statistics of http' "$folder/stats")" 3
at_most 'the most connections of a pool' \
  "$(awk '/peaks/ {if ($2 > most) most = $2} END {print most}' "$folder/stats")" 2

# Connections that end.
all_answered 'ten requests a connection' 200 1000 "http://127.0.0.1:$ten/" --requests 1000 \
  --concurrency 8 --connections 4
at_least 'connections' "$(awk '/dials/ {print $2 + 0}' "$folder/stats")" 100
all_answered 'a pause beyond the timeout that was announced, less a second' 200 2 \
  "http://127.0.0.1:$two_seconds/" --requests 2 --gap-ms 1200
expect 'reused' "$(reused)" 0
for pause in 200 400; do
  all_answered "pauses of $pause ms, and a timeout of 200 ms" 200 12 "http://127.0.0.1:$quiet/" \
    --requests 12 --concurrency 4 --gap-ms $pause
done

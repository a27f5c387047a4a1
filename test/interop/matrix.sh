#!/usr/bin/env bash
# usage: matrix.sh SERVICE_A SERVICE_B >doc/interop.md
#
# Runs the tests of this folder that have another program as peer, and writes the page that tells what
# was tried with each.
set -uo pipefail
PATH=$PATH:/usr/sbin
here=$(dirname "${BASH_SOURCE[0]}")
service_a=$(realpath "$1")
service_b=$(realpath "$2")

version_of() {
  case $1 in
  nginx) nginx -v 2>&1 | sed 's/.*nginx.//' ;;
  haproxy) haproxy -v | sed -n '1s/.*version \([^ ]*\).*/\1/p' ;;
  apache) apache2 -v | sed -n '1s/.*Apache.\([^ ]*\).*/\1/p' ;;
  node) node --version ;;
  openssl) openssl version | cut -d ' ' -f 2 ;;
  curl) curl --version | sed -n '1s/curl \([^ ]*\).*/\1/p' ;;
  ab) ab -V | sed -n '1s/.*Version \([^ ]*\).*/\1/p' ;;
  wrk) dpkg-query -W -f '${Version}' wrk 2>/dev/null ;;
  h2load) h2load --version | sed 's/.*nghttp2.//' ;;
  chromium) chromium --version 2>/dev/null | cut -d ' ' -f 2 ;;
  *) dpkg-query -W -f '${Version}' "$1" 2>/dev/null ;;
  esac
}

# row ROLE PEER TEST SCRIPT ARGUMENTS...
row() {
  local role=$1 peer=$2 test=$3 tried status=0
  shift 3
  tried=$("$here/$@" 2>&1) || status=$?
  if ((status == 77)); then
    printf '| %s | %s | `%s` | not installed here | |\n' "$role" "$peer" "$test"
    return
  fi
  local what
  what=$(sed -n 's/^ok: //p' <<<"$tried" | sed 's/|/\\|/g; s/https*:[^ ]*: //; s/,* at least .*//; s/,* at most .*//' |
    awk '!seen[$0]++' | paste -sd ';' | sed 's/;/; /g')
  printf '| %s | %s %s | `%s` | %s | %s |\n' "$role" "$peer" "$(version_of "$peer")" "$test" \
    "$( ((status == 0)) && echo good || echo "**failed**")" "$what"
}

cat <<'TEXT'
# Interoperation

What was tried with programs that others wrote, as the tests of `test/interop` tell it: this page is written by
`test/interop/matrix.sh build/release/bin/service_a build/release/bin/service_b`. ServiceA is the client over the pool, ServiceB the
server; each test starts its peer itself. A peer that is not installed (`tools/setup --peers` installs all but Chromium) skips its test.

| httpool as | peer | test | result | what was tried |
|---|---|---|---|---|
TEXT
for peer in nginx haproxy apache node; do
  row 'client' "$peer" "interop.service_a_$peer" "$peer.sh" "$service_a" "$service_b"
done
for peer in nginx haproxy apache node openssl; do
  row 'client, TLS' "$peer" "interop.service_a_tls_$peer" tls.sh "$peer" "$service_a"
done
for peer in tinyproxy microsocks; do
  row 'client behind a proxy' "$peer" "interop.service_a_$peer" proxy.sh "$peer" "$service_a" "$service_b"
done
for peer in curl ab wrk nginx; do
  row 'server' "$peer" "interop.service_b_$peer" service_b.sh "$service_b" "$peer"
done
for peer in curl ab wrk h2load nginx haproxy chromium; do
  row 'server, TLS' "$peer" "interop.service_b_tls_$peer" service_b_tls.sh "$peer" "$service_b"
done

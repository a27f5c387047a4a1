#!/usr/bin/env bash
# usage: tls.sh nginx|haproxy|apache|node|openssl SERVICE_A
#
# ServiceA over TLS against a server that others wrote: who is verified, who verifies, and how many
# handshakes there are.
source "$(dirname "${BASH_SOURCE[0]}")/peers.sh"
peer=$1
service_a=$2
declare -A programs=([nginx]=nginx [haproxy]=haproxy [apache]=apache2 [node]=node [openssl]=openssl)
need openssl
need "${programs[$peer]}"

# certificate NAME SUBJECT SIGNER ADDITION: a key and a certificate in $folder, by NAME.
certificate() {
  openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$2" \
    -keyout "$folder/$1.key" -out "$folder/$1.csr" 2>>"$folder/openssl.log"
  openssl x509 -req -in "$folder/$1.csr" -CA "$folder/$3.pem" -CAkey "$folder/$3.key" -days 2 \
    -CAcreateserial -extfile <(printf '%s\n' "$4") -out "$folder/$1.pem" 2>>"$folder/openssl.log"
}

authority() {
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$1" -days 2 \
    -keyout "$folder/$1.key" -out "$folder/$1.pem" 2>>"$folder/openssl.log"
}

authority root
authority stranger
certificate server localhost root 'subjectAltName=DNS:localhost,IP:127.0.0.1'
certificate client service-a root 'extendedKeyUsage=clientAuth'
cat "$folder/server.pem" "$folder/server.key" >"$folder/both.pem"
chmod 644 "$folder"/*.key "$folder/both.pem"

# Each starts its server: without client certificates on the first port, with them on the second.
start_nginx() {
  cat >"$folder/nginx.conf" <<CONF
worker_processes 1;
pid $folder/pid;
error_log $folder/error.log;
events { worker_connections 256; }
http {
  log_format handshakes '\$connection \$ssl_protocol \$ssl_session_reused';
  access_log $folder/access.log handshakes;
  client_body_temp_path $folder/body; proxy_temp_path $folder/proxy;
  fastcgi_temp_path $folder/fastcgi; uwsgi_temp_path $folder/uwsgi; scgi_temp_path $folder/scgi;
  ssl_certificate $folder/server.pem;
  ssl_certificate_key $folder/server.key;
  ssl_session_cache shared:all:1m;
  keepalive_requests 1000;
  server { listen 127.0.0.1:${ports[0]} ssl; ssl_protocols $1; return 200 "hello\n"; }
  server { listen 127.0.0.1:${ports[1]} ssl; ssl_protocols $1; ssl_client_certificate $folder/root.pem;
    ssl_verify_client on; return 200 "\$ssl_client_s_dn\n"; }
}
CONF
  nginx -p "$folder" -c "$folder/nginx.conf" 2>>"$folder/error.log" || return
  wait_until 100 test -s "$folder/pid"
  pids+=("$(<"$folder/pid")")
}

start_haproxy() {
  local version="ssl-min-ver $1 ssl-max-ver $1"
  cat >"$folder/haproxy.cfg" <<CONF
defaults
  mode http
  timeout connect 5s
  timeout client 30s
  timeout server 30s
frontend plain
  bind 127.0.0.1:${ports[0]} ssl crt $folder/both.pem $version
  http-request return status 200 content-type text/plain string "hello\n"
frontend known
  bind 127.0.0.1:${ports[1]} ssl crt $folder/both.pem $version ca-file $folder/root.pem verify required
  http-request return status 200 content-type text/plain lf-string "CN=%[ssl_c_s_dn(cn)]\n"
CONF
  haproxy -f "$folder/haproxy.cfg" 2>>"$folder/error.log" &
  pids+=($!)
  wait_until 50 listens
}

start_apache() {
  local modules=/usr/lib/apache2/modules
  cat >"$folder/apache.conf" <<CONF
ServerRoot $folder
ServerName localhost
PidFile $folder/apache.pid
ErrorLog $folder/error.log
DefaultRuntimeDir $folder
Listen 127.0.0.1:${ports[0]}
Listen 127.0.0.1:${ports[1]}
LoadModule mpm_event_module $modules/mod_mpm_event.so
LoadModule authz_core_module $modules/mod_authz_core.so
LoadModule socache_shmcb_module $modules/mod_socache_shmcb.so
LoadModule ssl_module $modules/mod_ssl.so
User nobody
Group nogroup
DocumentRoot $folder/www
KeepAlive On
MaxKeepAliveRequests 0
SSLProtocol $1
SSLSessionCache shmcb:$folder/sessions(512000)
SSLCertificateFile $folder/server.pem
SSLCertificateKeyFile $folder/server.key
<VirtualHost 127.0.0.1:${ports[0]}>
  SSLEngine on
</VirtualHost>
<VirtualHost 127.0.0.1:${ports[1]}>
  SSLEngine on
  SSLVerifyClient require
  SSLCACertificateFile $folder/root.pem
</VirtualHost>
CONF
  mkdir -p "$folder/www"
  printf 'hello\n' >"$folder/www/index.html"
  apache2 -f "$folder/apache.conf" -k start 2>>"$folder/error.log" || return
  wait_until 100 test -s "$folder/apache.pid"
  pids+=("$(<"$folder/apache.pid")")
  wait_until 50 listens
}

start_node() {
  node - "$folder" "${ports[0]}" "${ports[1]}" "$1" <<'JS' 2>>"$folder/error.log" &
const [folder, plain, known, version] = process.argv.slice(2);
const read = name => require("fs").readFileSync(folder + "/" + name);
const options = {cert: read("server.pem"), key: read("server.key"), minVersion: version, maxVersion: version};
const https = require("https");
https.createServer(options, (request, answer) => answer.end("hello\n")).listen(plain, "127.0.0.1");
https.createServer({...options, ca: read("root.pem"), requestCert: true}, (request, answer) =>
  answer.end("CN=" + request.socket.getPeerCertificate().subject.CN + "\n")).listen(known, "127.0.0.1");
JS
  pids+=($!)
  wait_until 100 listens
}

# It closes each connection after one response.
start_openssl() {
  openssl s_server -accept "127.0.0.1:${ports[0]}" -cert "$folder/server.pem" -key "$folder/server.key" \
    "-$1" -www >"$folder/s_server.log" 2>&1 &
  pids+=($!)
  openssl s_server -accept "127.0.0.1:${ports[1]}" -cert "$folder/server.pem" -key "$folder/server.key" \
    "-$1" -www -CAfile "$folder/root.pem" -Verify 2 -verify_return_error >"$folder/known.log" 2>&1 &
  pids+=($!)
  wait_until 50 listens
}

listens() {
  (: <"/dev/tcp/127.0.0.1/${ports[0]}") 2>/dev/null && (: <"/dev/tcp/127.0.0.1/${ports[1]}") 2>/dev/null
}

declare -A versions=([nginx]='TLSv1.2 TLSv1.3' [haproxy]='TLSv1.2 TLSv1.3' [apache]='TLSv1.2 TLSv1.3'
  [node]='TLSv1.2 TLSv1.3' [openssl]='tls1_2 tls1_3')

start() { "start_$peer" "$version"; }

# in_vain WHAT ERROR URL OPTIONS...: no request gets a response.
in_vain() {
  local what=$1 error=$2
  shift 2
  call "$@" && fail "$what: a response"
  at_least "$what: $error" "$(count "\"error\":\"$error: ")" 1
}

for version in ${versions[$peer]}; do
  printf '%s\n' "--- $version"
  rm -f "$folder/access.log"
  start_on_free_ports 2 start
  url=https://localhost:${ports[0]}/index.html
  known=https://localhost:${ports[1]}/index.html
  requests=2000
  if [[ $peer == openssl ]]; then requests=50; fi
  all_answered "GETs" 200 $requests "$url" --cacert "$folder/root.pem" --requests $requests \
    --concurrency 16 --connections 4 --timeout-ms 30000
  if [[ $peer == nginx ]]; then
    at_most 'full handshakes over 4 connections that nginx ends after 1000 requests' \
      "$(sort -u "$folder/access.log" | grep -c '\.$' || true)" 4
  elif [[ $peer != openssl ]]; then
    at_least 'reused' "$(reused)" $((requests - 4))
  fi
  in_vain 'an unknown authority' certificate_error "$url" --cacert "$folder/stranger.pem"
  in_vain 'the roots of the system' certificate_error "$url"
  all_answered 'nobody verified' 200 1 "$url" --insecure
  all_answered 'a client certificate' 200 10 "$known" --cacert "$folder/root.pem" \
    --cert "$folder/client.pem" --key "$folder/client.key" --requests 10
  if [[ $peer != apache && $peer != openssl ]]; then
    at_least 'its name is known' "$(count 'CN=service-a')" 10
  fi
  if [[ $peer == apache || $peer == openssl ]]; then
    call "$known" --cacert "$folder/root.pem" && fail 'a client without a certificate got a response'
    ok 'a client without a certificate gets no response'
  fi
  for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
  for pid in "${pids[@]}"; do wait_until 100 gone "$pid" || kill -KILL "$pid" || true; done
  pids=()
  rm -f "$folder/pid" "$folder/apache.pid"
done

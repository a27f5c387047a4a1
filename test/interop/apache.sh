#!/usr/bin/env bash
# usage: apache.sh SERVICE_A
#
# ServiceA against Apache httpd with the event MPM.
source "$(dirname "${BASH_SOURCE[0]}")/peers.sh"
service_a=$1
need apache2
modules=${APACHE_MODULES:-/usr/lib/apache2/modules}
if [[ ! -e $modules/mod_mpm_event.so ]]; then
  printf 'skipped: %s has no mod_mpm_event.so\n' "$modules"
  exit 77
fi

start() {
  {
    for module in mpm_event authz_core alias rewrite deflate filter log_config mime unixd; do
      [[ ! -e $modules/mod_$module.so ]] ||
        echo "LoadModule ${module}_module $modules/mod_$module.so"
    done
    cat <<CONF
ServerRoot $folder
ServerName apache.test
PidFile $folder/pid
ErrorLog $folder/error.log
DefaultRuntimeDir $folder
Mutex file:$folder
DocumentRoot $folder/root
TypesConfig /dev/null
AddType text/plain .txt
LimitRequestBody 1000000
StartServers 1
ThreadsPerChild 25
MaxRequestWorkers 50
KeepAlive On
KeepAliveTimeout 5
MaxKeepAliveRequests 0
RewriteEngine On
<Directory $folder/root>
  Require all granted
</Directory>
Listen 127.0.0.1:${ports[0]}
Listen 127.0.0.1:${ports[1]}
Listen 127.0.0.1:${ports[2]}
<VirtualHost *:${ports[0]}>
  RewriteEngine On
  RewriteRule ^/204$ - [R=204,L]
  <Location /packed.txt>
    SetOutputFilter DEFLATE
  </Location>
</VirtualHost>
<VirtualHost *:${ports[1]}>
  MaxKeepAliveRequests 10
</VirtualHost>
<VirtualHost *:${ports[2]}>
  KeepAliveTimeout 2
</VirtualHost>
CONF
  } >"$folder/httpd.conf"
  if [[ $(id -u) == 0 ]]; then
    printf 'User nobody\nGroup nogroup\n' >>"$folder/httpd.conf"
  fi
  # It comes back once it listens, with its process in the background.
  apache2 -f "$folder/httpd.conf" -k start >>"$folder/log" 2>&1 || return
  wait_until 100 test -s "$folder/pid" || fail 'Apache writes no PID file'
  pids+=("$(<"$folder/pid")")
}

mkdir "$folder/root"
printf 'apache says hello\n' >"$folder/root/hello.txt"
head -c 500000 /dev/urandom | base64 >"$folder/root/packed.txt"
start_on_free_ports 3 start
url=http://127.0.0.1:${ports[0]}

all_answered 'GETs' 200 3000 "$url/hello.txt" --requests 3000 --concurrency 16 --connections 4
expect 'whole bodies' "$(count '"bytes":18,"body_head":"apache says hello')" 3000
at_least 'reused' "$(reused)" 2996

# Bodies, and none.
all_answered 'chunked responses' 200 20 "$url/packed.txt" --requests 20 --output "$folder/packed" \
  --header 'Accept-Encoding: gzip' --concurrency 4 --connections 2
for _ in {1..20}; do cat "$folder/root/packed.txt"; done >"$folder/wanted"
gunzip <"$folder/packed" | cmp - "$folder/wanted" || fail 'what was packed comes out as another'
at_least 'reused' "$(reused)" 18
head -c 900000 /dev/urandom >"$folder/upload"
all_answered 'an upload' 200 10 "$url/hello.txt" --data "@$folder/upload" --requests 10
all_answered 'an upload with 100-continue' 200 10 "$url/hello.txt" --data "@$folder/upload" \
  --header 'Expect: 100-continue' --requests 10
refuses_large_and_keeps_small "$url/hello.txt"

# Connections that end. Apache says when only to those who ask to keep them.
all_answered 'ten requests a connection' 200 1000 "http://127.0.0.1:${ports[1]}/hello.txt" \
  --requests 1000 --concurrency 8 --connections 4 --header 'Connection: keep-alive'
at_least 'connections' "$(awk '/dials/ {print $2 + 0}' "$folder/stats")" 90
all_answered 'a pause beyond the timeout that was announced, less a second' 200 2 \
  "http://127.0.0.1:${ports[2]}/hello.txt" --requests 2 --gap-ms 1200 \
  --header 'Connection: keep-alive'
expect 'reused' "$(reused)" 0

reload() { kill -USR1 "$(<"$folder/pid")"; }
none_fails_meanwhile 'Apache that is restarted gracefully' "$url/hello.txt" reload

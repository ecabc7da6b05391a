#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Remote execution over TLS, step by step, each answer checked. See --help.
set -uo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build=$root/build
mode=demo

usage () {
  cat <<'USAGE'
usage: demo.sh [--serve | --check] [--build DIR]

  (none)       start a server, run commands on it, explain each, check the answers
  --check      the same without explanations, as a test
  --serve      start the server and leave it running until Ctrl-C
  --build DIR  the build directory (build/)
USAGE
}

while [ $# -gt 0 ]; do
  case $1 in
    --serve) mode=serve ;;
    --check) mode=check ;;
    --build) shift; build=$(cd "${1:?--build needs a directory}" && pwd) || exit 2 ;;
    -h | --help) usage; exit 0 ;;
    *) usage >&2; exit 2 ;;
  esac
  shift
done

server=$build/examples/rexec-server
rexec=$build/examples/rexec
make_certs=$build/tests/unit/make-certs
export CHAN_MODULE_DIR=$build/plugins
unset CHAN_CONFIG

die () { printf 'demo: %s\n' "$*" >&2; exit 1; }
explain () { [ "$mode" = check ] || printf '%s\n' "$@"; }
heading () { [ "$mode" = check ] || printf '\n== %s\n' "$*"; }

for program in "$server" "$rexec" "$make_certs"; do
  [ -x "$program" ] || die "$program is not there. Build it first: ./dev build"
done

dir=$(mktemp -d "${TMPDIR:-/tmp}/chan-demo.XXXXXX") || exit 1
server_pid=

clean_up () {
  trap - EXIT INT TERM HUP
  if [ -n "$server_pid" ]; then
    kill "$server_pid" 2>/dev/null
    wait "$server_pid" 2>/dev/null
  fi
  rm -rf "$dir"
}
trap clean_up EXIT
trap 'clean_up; exit 130' INT
trap 'clean_up; exit 143' TERM HUP

write_server_config () {
  cat >"$dir/server.conf" <<CONF
[Endpoint demo-server]
Uri=tls://127.0.0.1:0

[Transport tls]
CertificateFile=server.pem
PrivateKeyFile=server.key
CaFile=ca.pem
RequireClientCert=true
CONF
}

# write_client_config URI
write_client_config () {
  cat >"$dir/chan.conf" <<CONF
[Endpoint demo]
Uri=$1

[Transport tls]
CaFile=ca.pem
CertificateFile=client.pem
PrivateKeyFile=client.key
CONF
  grep -v '^CaFile=' "$dir/chan.conf" >"$dir/no-ca.conf"
  grep -v 'File=client' "$dir/chan.conf" >"$dir/stranger.conf"
}

# The server's first line is its address, with the port that the system chose.
start_server () {
  local tries
  CHAN_CONFIG=$dir/server.conf "$server" @demo-server >"$dir/server.out" 2>"$dir/server.log" </dev/null &
  server_pid=$!
  for ((tries = 0; tries < 200; tries++)); do
    if [ "$(wc -l <"$dir/server.out")" -gt 0 ]; then
      head -n 1 "$dir/server.out"
      return 0
    fi
    kill -0 "$server_pid" 2>/dev/null || break
    sleep 0.05
  done
  cat "$dir/server.log" >&2
  return 1
}

failures=0

# expect WHAT EXPECTED GOT
expect () {
  if [ "$2" = "$3" ]; then
    explain "   ok: $1"
    return
  fi
  failures=$((failures + 1))
  printf 'demo: wrong: %s\n  expected: %s\n  got:      %s\n' "$1" "$2" "$3" >&2
}

# remote ARGS: a command on the server; nothing here may wait for ever.
remote () { CHAN_CONFIG=$dir/chan.conf timeout 30 "$rexec" @demo -- "$@"; }

# shows what was typed and what came, as a terminal would
show () {
  explain "   \$ $1"
  [ "$mode" = check ] || { [ -s "$2" ] && sed 's/^/   /' "$2"; }
  return 0
}

step_hello () {
  heading "1. A command"
  explain "rexec sends one message: the command, and four channel ends to answer on:" \
    "its input, its output, its errors, its status. The server gets them as local objects."
  remote echo hello >"$dir/out"
  expect "exit status" 0 $?
  show "rexec @demo -- echo hello" "$dir/out"
  expect "output" hello "$(cat "$dir/out")"
}

step_pipeline () {
  local count='tr A-Z a-z | tr -cs a-z "\n" | LC_ALL=C sort | uniq -c | LC_ALL=C sort -rn | head -n 5'
  heading "2. A file as input"
  explain "The file's bytes travel there while the answer travels back, each with credit of its own."
  remote sh -c "$count" <"$root/README.md" >"$dir/out"
  expect "exit status" 0 $?
  show "rexec @demo -- sh -c '$count' < README.md" "$dir/out"
  expect "the five commonest words" "$(sh -c "$count" <"$root/README.md")" "$(cat "$dir/out")"
}

step_failure () {
  heading "3. A command that fails"
  explain "Errors come on a channel of their own, and the exit status is the remote one's."
  remote sh -c 'echo "to stderr" >&2; exit 3' >"$dir/out" 2>"$dir/err"
  expect "exit status" 3 $?
  show "rexec @demo -- sh -c 'echo \"to stderr\" >&2; exit 3'; echo \"status \$?\"" "$dir/err"
  explain "   status 3"
  expect "nothing on stdout" "" "$(cat "$dir/out")"
  expect "stderr" "to stderr" "$(cat "$dir/err")"
}

step_large () {
  heading "4. Half a megabyte both ways"
  explain "More than any window holds: a reader that is slow stops its writer, and nothing else."
  seq 1 100000 | remote sort -rn >"$dir/out"
  expect "exit status" 0 $?
  expect "all lines, sorted" "$(seq 100000 -1 1 | cksum)" "$(cksum <"$dir/out")"
  seq 1 100000 | remote sort -rn | head -n 3 >"$dir/head"
  show "seq 1 100000 | rexec @demo -- sort -rn | head -n 3" "$dir/head"
  expect "the first three" "100000 99999 99998" "$(tr '\n' ' ' <"$dir/head" | sed 's/ $//')"
}

step_parallel () {
  local i started pids=()
  heading "5. Four commands at once"
  explain "Each takes a second; together they take about one."
  started=$(date +%s%N)
  for i in 1 2 3 4; do
    remote sh -c "sleep 1; echo $i" >"$dir/par-$i" &
    pids+=($!)
  done
  wait "${pids[@]}"
  explain "   $((($(date +%s%N) - started) / 1000000)) ms"
  expect "all four answers" "1 2 3 4" "$(cat "$dir"/par-[1-4] | tr "\n" " " | sed "s/ \$//")"
}

# refused CONFIG: rexec with this configuration fails by itself, says why, and nothing runs.
refused () {
  local status
  CHAN_CONFIG=$dir/$1 timeout 30 "$rexec" @demo -- touch "$dir/touched" >"$dir/out" 2>"$dir/err"
  status=$?
  show "rexec @demo -- touch FILE" "$dir/err"
  expect "it fails, without a time-out" yes "$([ "$status" -ne 0 ] && [ "$status" -ne 124 ] && echo yes || echo "status $status")"
  expect "it says why" yes "$([ -s "$dir/err" ] && echo yes || echo no)"
  expect "nothing ran" no "$([ -e "$dir/touched" ] && echo yes || echo no)"
}

step_untrusted () {
  heading "6. A server that cannot be trusted"
  explain "Without CaFile= nobody vouches for this server: nothing is sent to it."
  refused no-ca.conf
}

step_stranger () {
  heading "7. A client that cannot be trusted"
  explain "This server wants a certificate from its clients too: without one, nothing is done for them."
  refused stranger.conf
}

serve () {
  cat <<TEXT
The server runs. In another terminal, type these two lines (the second as often as you like):

  export CHAN_CONFIG=$dir/chan.conf CHAN_MODULE_DIR=$CHAN_MODULE_DIR
  $rexec @demo -- ls -l /

It listens on this machine only and obeys only holders of the certificate in $dir,
which only you can read. Ctrl-C stops it and removes that directory.
TEXT
  wait "$server_pid"
  die "the server stopped by itself: $(tail -n 3 "$dir/server.log")"
}

heading "0. A server over TLS"
explain "A certificate authority for this demo only, and two certificates signed by it: the server's and the client's."
"$make_certs" "$dir" >"$dir/make-certs.log" 2>&1 || { cat "$dir/make-certs.log" >&2; die "$make_certs failed"; }
write_server_config
start_server >"$dir/uri" || die "the server did not start: its messages are above"
uri=$(cat "$dir/uri")
write_client_config "$uri"
show "rexec-server @demo-server" "$dir/uri"
case $uri in
  tls://127.0.0.1:[1-9]*) ;;
  *) die "the server's first line should be its address, but is '$uri'" ;;
esac

if [ "$mode" = serve ]; then
  serve
fi

step_hello
step_pipeline
step_failure
step_large
step_parallel
step_untrusted
step_stranger

kill -0 "$server_pid" 2>/dev/null || { failures=$((failures + 1)); echo "demo: the server did not survive" >&2; }
if [ "$failures" -gt 0 ]; then
  echo "demo: $failures answers were wrong; the server said:" >&2
  cat "$dir/server.log" >&2
  exit 1
fi
explain "" "All answers were as expected. To try it yourself: ./dev demo --serve"

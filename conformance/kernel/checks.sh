# What the scripts of the guests have in common. Each check is a test of its own on the host.
mkdir -p /tmp/checks; cd /tmp/checks

# check NAME COMMAND...: the command, a program or a function, must succeed, and end
check() {
  name=$1; shift
  case $(type "$1") in *function*) ;; *) set -- timeout 60 "$@" ;; esac
  if "$@" > log 2>&1; then echo "CHECK passed $name"; else echo "CHECK failed $name"; sed 's/^/| /' log; fi
}
# wait_for COMMAND...: until it succeeds; a minute at most
wait_for() {
  tries=0
  until "$@" > /dev/null 2>&1; do tries=$((tries + 1)); [ $tries -lt 600 ] || return 1; sleep 0.1; done
}
# absent PATH...: whether none of them is there
absent() { for path in "$@"; do [ ! -e "$path" ] || return 1; done; }
# gone PID: whether the process has ended
gone() { ! kill -0 "$1" 2> /dev/null; }
# serve LOG OPTIONS...: starts the server and waits for its line of readiness
serve() {
  log=$1; shift
  $VTPM serve --json "$@" > "$log" 2> "$log.err" &
  server=$!
  wait_for grep -q '^{' "$log" || { cat "$log" "$log.err"; return 1; }
}
# stop [SIGNAL]: ends the server, which must not hang
stop() {
  kill "-${1:-TERM}" "$server"
  wait_for gone "$server"
}

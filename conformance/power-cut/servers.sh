# One TPM on each disk, answering at a port that the host sees. Arguments of serve: number, disk, how it is mounted (nothing for the disk itself).
serve() {
  state=file://$2
  if [ -n "$3" ]; then
    mkdir -p "/disks/$1"; mount $3 "$2" "/disks/$1" || return
    state=/disks/$1/state
  fi
  "$NODE" "$VTPM" serve --state "$state" --port "$((9000 + 10 * $1))" --startup none --json > "/tmp/ready$1" &
  until [ -s "/tmp/ready$1" ]; do kill -0 $! || return; sleep 0.1; done
  port=$(echo /dev/vport*p$(($1 + 1)))
  exec 3<> "$port"
  echo "TPM $1 is ready"
  "$BUSYBOX" nc 127.0.0.1 "$((9000 + 10 * $1))" <&3 >&3
}

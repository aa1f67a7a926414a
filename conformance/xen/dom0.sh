# In Domain-0: Xen's daemons, our back end, two domains. Each thing that holds is said in a line "XEN ok ...".
cd $RIG_DIR
ln -sfn $XEN/usr/lib/xen-$XEN_VERSION /usr/lib/xen-$XEN_VERSION; rm -rf /etc/xen; ln -sfn $XEN/etc/xen /etc/xen
export PATH=/usr/lib/xen-$XEN_VERSION/bin:$XEN/usr/bin:$PATH LD_LIBRARY_PATH=$XEN/usr/lib/x86_64-linux-gnu
rm -rf /var/run; ln -s /run /var/run
mkdir -p /var/lib/xen /var/lib/xenstored /run/xenstored /run/xen /var/log/xen /run/lock; mount -t xenfs xenfs /proc/xen
cp $KERNEL /run/domu.kernel; cp domu.initramfs /run/

note() { echo "XEN at $(cut -d' ' -f1 /proc/uptime): $*"; }
ok() { echo "XEN ok $*"; }
die() { echo "XEN failed: $*"; cat /run/back-end.log; for l in /var/log/xen/guest-*.log; do echo "== $l"; tail -n 40 $l; done; exit 1; }
# waits SECONDS for a condition
await() { n=$(($1 * 5)); shift; while ! eval "$*"; do n=$((n-1)); [ $n -gt 0 ] || die "waited in vain for: $*"; sleep 0.2; done; }
console() { cat /var/log/xen/guest-$1.log 2>/dev/null | tr -d '\r'; }
ticks() { console $1 | sed -n 's/^DOMU tick \([0-9]*\)$/\1/p' | tail -n 1 | grep . || echo 0; }
# the domain's TPM answers again and again from now on
lives() { note "waits for $1"; from=$(ticks $1); await 120 "[ \$(ticks $1) -ge $((from+2)) ]"; }
node_of() { echo /local/domain/0/backend/vtpm/$(xl domid $1)/0; }

note "files are there"
xenstored --pid-file /run/xen/xenstored.pid; xen-init-dom0 > /dev/null
xenconsoled --pid-file=/run/xen/xenconsoled.pid --log=guest --log-dir=/var/log/xen
back_end() {
  $NODE $VTPM xen --state /run/tpms --json --verbose >> /run/back-end.out 2>> /run/back-end.log & BACK_END=$!
  await 60 'kill -0 $BACK_END || die "the back end has ended"; [ $(grep -c root /run/back-end.out) -ge '$1' ]'
}
create() { # NAME UUID LIFE
  rm -f /var/log/xen/guest-$1.log
  cat > /run/$1.cfg <<C
name="$1"
type="pv"
kernel="/run/domu.kernel"
ramdisk="/run/domu.initramfs"
memory=192
vtpm=["backend=Domain-0,uuid=$2"]
extra="console=hvc0 panic=-1 quiet mitigations=off random.trust_cpu=on rig.script=/domu.sh life=$3"
on_poweroff="destroy"
on_crash="destroy"
C
  xl create -q /run/$1.cfg || die "xl create $1"
}
U1=00000000-0000-4000-8000-000000000001
U2=00000000-0000-4000-8000-000000000002

note "xenstored runs"
back_end 1
note "back end runs"
create one $U1 0001
note "one is created"
create two $U2 0002
note "two is created"
lives one; lives two
console one | grep -q 'DOMU life 0000' && console two | grep -q 'DOMU life 0000' || die "not two new TPMs"
console one | grep -q 'DOMU device 1 2000000' || die "the driver does not know our time-outs"
[ "$(xenstore-read $(node_of one)/state)" = 4 ] || die "not connected"
[ "$(ls /run/tpms)" = "$(printf '%s\n' $U1 $U2)" ] || die "not two states"
ok "two domains have TPMs of their own"

for signal in KILL TERM; do
  kill -$signal $BACK_END; wait $BACK_END; status=$?
  [ $signal = KILL ] || [ $status = 0 ] || die "ended with $status"
  sleep 1
  [ $signal = KILL ] && back_end 2 || back_end 3
  lives one; lives two
done
ok "a back end that is started again takes devices up again"

# A page full of nonsense: two maps the same grant as we do, and writes into it whatever comes.
$NODE hostile.mjs $(xl domid two) $(xenstore-read /local/domain/$(xl domid two)/device/vtpm/0/ring-ref) > /run/hostile.log 2>&1 & HOSTILE=$!
await 120 'kill -0 $HOSTILE || { cat /run/hostile.log; die "nothing was scribbled"; }; grep -q scribbled /run/hostile.log'
lives one; lives one
kill $HOSTILE; wait $HOSTILE
console one | grep -q 'tick failed' && die "one was disturbed"
ok "nonsense in a page hurts nobody else"

# A device by hand whose front end grants nothing.
D=$(xl domid two); BE=/local/domain/0/backend/vtpm/$D/7; FE=/local/domain/$D/device/vtpm/7
xenstore-write $FE/backend $BE $FE/ring-ref 4711 $FE/event-channel 99 $FE/feature-protocol-v2 1 $FE/state 3
xenstore-write $BE/frontend $FE $BE/uuid 00000000-0000-4000-8000-000000000007 $BE/online 1 $BE/state 1
await 30 '[ "$(xenstore-read $BE/state)" = 6 ]'
xenstore-read /local/domain/0/error/backend/vtpm/$D/7/error | grep -q 'grant 4711' || die "no reason given"
lives one
ok "a front end that grants nothing is closed with the reason"

xl destroy two
await 30 '! xenstore-read /local/domain/0/backend/vtpm/$D/0/state > /dev/null 2>&1'
lives one
ok "a domain that is destroyed is forgotten"

xl vtpm-attach one backend=Domain-0 uuid=00000000-0000-4000-8000-000000000003 || die "xl vtpm-attach"
xl vtpm-list one | grep -q 00000000-0000-4000-8000-000000000003 || die "xl vtpm-list"
xl vtpm-detach one 1 || die "xl vtpm-detach"
lives one
ok "a device can be attached and detached"

xl shutdown -w one > /dev/null || die "xl shutdown"
create one $U1 0003
lives one
console one | grep -q 'DOMU life 0001' || die "the TPM is not the one of the domain's last life"
ok "a reboot keeps persistent state"

xl destroy one
kill $BACK_END; wait $BACK_END || die "ended with $?"
ok "ends"
[ -z "$SHOW" ] || cat /run/back-end.log

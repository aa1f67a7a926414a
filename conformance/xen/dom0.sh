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
await() { n=$(($1 * 2)); shift; while ! eval "$*"; do n=$((n-1)); [ $n -gt 0 ] || die "waited in vain for: $*"; sleep 0.5; done; }
console() { cat /var/log/xen/guest-$1.log 2>/dev/null | tr -d '\r'; }
# asked often, of a processor that the domains need: one process
ticks() { grep -c '^DOMU tick [0-9]' /var/log/xen/guest-$1.log; }
# a program that has the device open while its domain resumes gets an error; no other does
failures() { grep -c '^DOMU tick failed' /var/log/xen/guest-$1.log; }
# what the domain has seen last in PCR 10
pcr() { console $1 | sed -n 's/^DOMU tick [0-9]* //p' | tail -n 1; }
resident() { sed -n 's/^VmRSS:[^0-9]*\([0-9]*\) kB$/\1/p' /proc/$1/status; }
# the domain's TPM answers again and again from now on
lives() { note "waits for $1"; from=$(ticks $1); await 600 "[ \$(ticks $1) -ge $((from+2)) ]"; }
node_of() { echo /local/domain/0/backend/vtpm/$(xl domid $1)/0; }

note "files are there"
xenstored --pid-file /run/xen/xenstored.pid; xen-init-dom0 > /dev/null
xenconsoled --pid-file=/run/xen/xenconsoled.pid --log=guest --log-dir=/var/log/xen
back_end() {
  $NODE $VTPM xen --state /run/tpms --startup state --json --verbose >> /run/back-end.out 2>> /run/back-end.log & BACK_END=$!
  await 600 'kill -0 $BACK_END || die "the back end has ended"; [ $(grep -c root /run/back-end.out) -ge '$1' ]'
}
create() { # NAME UUID LIFE [WORD]
  : > /var/log/xen/guest-$1.log
  cat > /run/$1.cfg <<C
name="$1"
type="pv"
kernel="/run/domu.kernel"
ramdisk="/run/domu.initramfs"
memory=192
vtpm=["backend=Domain-0,uuid=$2"]
extra="console=hvc0 panic=-1 quiet mitigations=off random.trust_cpu=on sysrq_always_enabled rig.script=/domu.sh life=$3 $4"
on_poweroff="destroy"
on_crash="restart"
C
  xl create -q /run/$1.cfg || die "xl create $1"
}
U1=00000000-0000-4000-8000-000000000001
U2=00000000-0000-4000-8000-000000000002

note "xenstored runs"
$NODE $VTPM serve --ephemeral --socket /run/measured --json > /run/socket.out & SOCKET=$!
await 600 'grep -q socket /run/socket.out'
over_socket=$(/usr/bin/python3 -I -S $MEASURE /run/measured)
kill $SOCKET; wait $SOCKET
back_end 1
note "back end runs"
create one $U1 0001 measure
note "one is created"
await 600 'console one | grep -q "^DOMU measured"'
lives one; alone=$(resident $BACK_END)
$NODE $VTPM xen --state /run/second > /run/second.log 2>&1 && die "a second back end was started"
grep -q 'another vtpm xen' /run/second.log || { cat /run/second.log; die "a second back end is not refused as such"; }
create two $U2 0002 rebind
note "two is created"
lives one; lives two
console one | grep -q 'DOMU life 0000' && console two | grep -q 'DOMU life 0000' || die "not two new TPMs"
console one | grep -q 'DOMU device 1 2000000' || die "the driver does not know our time-outs"
console two | grep -q 'DOMU bound again' || die "the driver of two could not be bound again"
[ "$(xenstore-read $(node_of one)/state)" = 4 ] || die "not connected"
[ "$(ls /run/tpms)" = "$(printf '%s\n' $U1 $U2)" ] || die "not two states"
echo "XEN measured {\"socket\":$over_socket,\"xen\":$(console one | sed -n 's/^DOMU measured //p'),\"rss\":[$alone,$(resident $BACK_END)]}"
ok "two domains have TPMs of their own"

before=$(pcr one)
echo "$before" | grep -q '[1-9a-f]' || die "PCR 10 of one was not extended"
xl pause one; sleep 1; from=$(ticks one); sleep 1
[ $(ticks one) = $from ] || die "one does not pause"
xl unpause one; lives one
xl save -c one /run/one.save 2> /run/save.log || { cat /run/save.log; die "xl save -c"; }
rm /run/one.save; lives one
[ "$(pcr one)" = "$before" ] || die "PCR 10 of one was $before and is $(pcr one)"
ok "a domain that pauses, or is copied to a file, goes on"

xl save one /run/one.save 2> /run/save.log || { cat /run/save.log; die "xl save"; }
lives two
xl restore /run/one.save > /run/save.log 2>&1 || { cat /run/save.log; die "xl restore"; }
rm /run/one.save; lives one
[ "$(pcr one)" = "$before" ] || die "PCR 10 of one was $before and is $(pcr one)"
ok "a domain that was saved goes on with its TPM"

# More domains than one answer of xenstored names, with devices of which nothing is known yet.
many="$(seq 20000 20899)"
xenstore-write $(for d in $many; do echo /local/domain/0/backend/vtpm/$d/0/handle 0; done)
for signal in KILL TERM; do
  kill -$signal $BACK_END; wait $BACK_END; status=$?
  [ $signal = KILL ] || [ $status = 0 ] || die "ended with $status"
  sleep 1
  [ $signal = KILL ] && back_end 2 || back_end 3
  lives one; lives two
done
xenstore-rm $(for d in $many; do echo /local/domain/0/backend/vtpm/$d; done)
ok "a back end that is started again takes devices up again"

# A page full of nonsense: two maps the same grant as we do, and writes into it whatever comes.
$NODE hostile.mjs $(xl domid two) $(xenstore-read /local/domain/$(xl domid two)/device/vtpm/0/ring-ref) > /run/hostile.log 2>&1 & HOSTILE=$!
await 600 'kill -0 $HOSTILE || { cat /run/hostile.log; die "nothing was scribbled"; }; grep -q scribbled /run/hostile.log'
calm=$(failures one); lives one; lives one
kill $HOSTILE; wait $HOSTILE
[ $(failures one) = $calm ] || die "one was disturbed"
ok "nonsense in a page hurts nobody else"

# A device by hand whose front end grants nothing.
D=$(xl domid two); BE=/local/domain/0/backend/vtpm/$D/7; FE=/local/domain/$D/device/vtpm/7
xenstore-write $FE/backend $BE $FE/ring-ref 4711 $FE/event-channel 99 $FE/feature-protocol-v2 1 $FE/state 3
xenstore-write $BE/frontend $FE $BE/uuid 00000000-0000-4000-8000-000000000007 $BE/online 1 $BE/state 1
await 600 '[ "$(xenstore-read $BE/state)" = 6 ]'
xenstore-read /local/domain/0/error/backend/vtpm/$D/7/error | grep -q 'grant 4711' || die "no reason given"
lives one
ok "a front end that grants nothing is closed with the reason"

# Its command is in the page and nobody takes it when two crashes; the toolstack waits for us then, and starts it again.
crashed=$(node_of two)
kill -STOP $BACK_END
stands() { from=$(ticks two); sleep 2; [ $(ticks two) = $from ]; }
await 600 stands
xl sysrq two c || die "xl sysrq"
await 600 '[ "$(xenstore-read $crashed/state)" = 5 ]'
kill -CONT $BACK_END
await 600 '! xenstore-read $crashed/state > /dev/null 2>&1'
lives one

xl vtpm-attach one backend=Domain-0 uuid=00000000-0000-4000-8000-000000000003 || die "xl vtpm-attach"
xl vtpm-list one | grep -q 00000000-0000-4000-8000-000000000003 || die "xl vtpm-list"
xl vtpm-detach one 1 || die "xl vtpm-detach"
lives one
ok "a device can be attached and detached"

lives two
console two | grep -q 'DOMU life 0002' || die "the TPM of two is not the one of before the crash"
# A page or a channel that is not given back keeps what is left of the domain.
xl list | grep null && die "the crashed domain is not gone"
ok "a domain that crashes is started again with its TPM"

destroyed=$(node_of two)
xl destroy two
await 600 '! xenstore-read $destroyed/state > /dev/null 2>&1'
xl list | grep null && die "the destroyed domain is not gone"
lives one
ok "a domain that is destroyed is forgotten"

xl shutdown -w one > /dev/null || die "xl shutdown"
create one $U1 0003
lives one
console one | grep -q 'DOMU life 0001' || die "the TPM is not the one of the domain's last life"
ok "a reboot keeps persistent state"

xl destroy one
kill $BACK_END; wait $BACK_END || die "ended with $?"
ok "ends"
[ -z "$SHOW" ] || cat /run/back-end.log

. "$LIB/checks.sh"
cp -r "$TRAVELS/state" state
sysfs=/sys/class/tpm/tpm0

check "a server is ready" serve proxy.log --vtpm-proxy --state state
check "the devices appear" wait_for test -c /dev/tpmrm0
check "the kernel knows a TPM 2.0" test "$(cat $sysfs/tpm_version_major)" = 2
check "the kernel's own requests were answered in time" sh -c '! dmesg | grep -i "tpm.*\(error\|timed\|timeout\|fail\)"'
check "the kernel uses it as a source of random numbers" grep -q tpm-rng /sys/class/misc/hw_random/rng_available

export TPM2TOOLS_TCTI=device:/dev/tpmrm0
check "random numbers by /dev/tpm0" tpm2_getrandom -T device:/dev/tpm0 --hex 16
check "random numbers by /dev/tpmrm0" tpm2_getrandom --hex 16
check "capabilities" tpm2_getcap commands
check "a PCR is extended" tpm2_pcrextend "16:sha256=$(printf 5a%.0s $(seq 32))"
tpm2_pcrread sha256:16 -o pcr16 > /dev/null
check "sysfs agrees about it" test "$(tr A-F a-f < $sysfs/pcr-sha256/16)" = "$(od -An -tx1 -v pcr16 | tr -d ' \n')"
check "sysfs agrees about the others" test "$(cat $sysfs/pcr-sha256/0 $sysfs/pcr-sha1/0 | tr -d '0\n')" = ""

echo "to be signed" > text
check "a primary key" tpm2_createprimary -C o -G ecc -c primary.ctx
check "a key" tpm2_create -C primary.ctx -G ecc -u key.pub -r key.priv
check "the key is loaded" tpm2_load -C primary.ctx -u key.pub -r key.priv -c key.ctx
check "it signs" tpm2_sign -c key.ctx -g sha256 -o signature text
check "the signature is verified" tpm2_verifysignature -c key.ctx -g sha256 -m text -s signature
printf "a secret" > secret
check "data is sealed" tpm2_create -C primary.ctx -i secret -u sealed.pub -r sealed.priv
check "what is sealed is loaded" tpm2_load -C primary.ctx -u sealed.pub -r sealed.priv -c sealed.ctx
check "it is unsealed" sh -c 'test "$(tpm2_unseal -c sealed.ctx)" = "a secret"'
check "an RSA key is made within the kernel's patience" tpm2_createprimary -C o -G rsa2048 -c rsa.ctx
check "an NV Index is defined" tpm2_nvdefine 0x1800002 -C o -s 9
check "it is written" sh -c 'printf fromguest | tpm2_nvwrite 0x1800002 -C o -i -'
check "it is read" sh -c 'test "$(tpm2_nvread 0x1800002 -C o)" = fromguest'
check "what a machine of QEMU's has written is read" sh -c 'test "$(tpm2_nvread 0x1800001 -C o)" = fromqemu'
tpm2_readpublic -Q -c 0x81000020 -n qemu.name
check "its persistent key is there" cmp qemu.name $TRAVELS/qemu.name
check "what it has sealed is loaded" tpm2_load -C 0x81000020 -u $TRAVELS/sealed.pub -r $TRAVELS/sealed.priv -c theirs.ctx
check "it stays closed where the PCR is another" sh -c '! tpm2_unseal -c theirs.ctx -p pcr:sha256:23'
check "the PCR is extended" tpm2_pcrextend "23:sha256=$(printf 5a%.0s $(seq 32))"
check "it is opened" sh -c 'test "$(tpm2_unseal -c theirs.ctx -p pcr:sha256:23)" = "a secret"'
check "its Index is written" sh -c 'printf fromhere | tpm2_nvwrite 0x1800001 -C o -i -'
check "a key is made persistent" tpm2_evictcontrol -C o -c key.ctx 0x81000021
tpm2_readpublic -Q -c 0x81000021 -n "$RIG_DIR/proxy.name"; cp text "$RIG_DIR/message"; cp signature "$RIG_DIR/"

timeout -s KILL 0.5 tpm2_createprimary -T device:/dev/tpm0 -C o -G rsa2048 -c killed.ctx > /dev/null 2>&1
check "a client that is killed does no harm" tpm2_getrandom --hex 8

proxy=$server
check "another server gives another device" serve second.log --vtpm-proxy --ephemeral
check "it has the next number" wait_for test -c /dev/tpmrm1
check "it has a TPM of its own" sh -c '! tpm2_nvreadpublic -T device:/dev/tpmrm1 0x1800002'
check "a server that is killed takes its device along" stop KILL
check "that device is gone" wait_for absent /dev/tpm1 /dev/tpmrm1
check "the other one is not" tpm2_getrandom --hex 8

sh -c 'tpm2_createprimary -C n -G rsa2048 -c waiting.ctx; echo ended > client' > /dev/null 2>&1 &
server=$proxy
check "a server in use is stopped" stop
check "its devices are gone at once" absent /dev/tpm0 /dev/tpmrm0
check "no client is left waiting" wait_for test -e client
check "the server had nothing to complain of" test ! -s proxy.log.err
cp -r state "$RIG_DIR/state.after"

check "four TPMs of one process" serve four.log --vtpm-proxy --state four.0 --state four.1 --state four.2 --state four.3
for n in 0 1 2 3; do
  check "device $n appears" wait_for test -c /dev/tpmrm$n
  check "device $n" tpm2_getrandom -T device:/dev/tpmrm$n --hex 8
  check "device $n has a PCR of its own" tpm2_pcrextend -T device:/dev/tpmrm$n "16:sha256=$(printf 0$n%.0s $(seq 32))"
done
cat /sys/class/tpm/tpm[0-3]/pcr-sha256/16 | sort -u > pcrs
check "all four differ" test "$(wc -l < pcrs)" = 4
check "the process ends" stop
check "all devices are gone" absent /dev/tpm0 /dev/tpm1 /dev/tpm2 /dev/tpm3
check "each was told of" test "$(grep -c '"device":"/dev/tpm[0-3]"' four.log)" = 4
check "the process had nothing to complain of" test ! -s four.log.err
check "each has a state" ls four.0/tpm2-00.permall four.1/tpm2-00.permall four.2/tpm2-00.permall four.3/tpm2-00.permall

# There is no room for what one TPM has to store when it is started: its device fails its self-test, and the kernel gives it up.
mkdir full; mount -t tmpfs -o size=1m tmpfs full; cp -r four.1 full/state
dd if=/dev/zero of=full/rest bs=1k > /dev/null 2>&1
check "three TPMs of one process" serve three.log --vtpm-proxy --state four.0 --state four.2 --state full/state
check "the kernel gives up the one that cannot be started" wait_for grep -q "the kernel has given /dev/tpm2 up" three.log.err
check "what was given up has no device" absent /dev/tpm2 /dev/tpmrm2
for m in 0 1; do
  check "device $m of three appears" wait_for test -c /dev/tpmrm$m
  check "device $m of three serves" tpm2_getrandom -T device:/dev/tpmrm$m --hex 8
done
three=$server
timeout 120 $VTPM serve --vtpm-proxy --state full/state > alone.log 2> alone.err
check "a process whose only device is given up ends with an error" test $? = 1
check "and says why" grep -q "the kernel has given /dev/tpm2 up" alone.err
rm full/rest
check "the state was given up, and with room there is a TPM again" serve alone.log --vtpm-proxy --state full/state
check "the device with room appears" wait_for test -c /dev/tpmrm2
check "it serves there" tpm2_getrandom -T device:/dev/tpmrm2 --hex 8
check "the process with room ends" stop
server=$three
check "device 0 of three still serves" tpm2_getrandom -T device:/dev/tpmrm0 --hex 8
check "the process of three ends" stop

setpriv --bounding-set=-sys_admin $VTPM serve --vtpm-proxy --ephemeral 2> denied.err
check "without the right to make a device it says so" grep -q "no TPM device without CAP_SYS_ADMIN: run as root" denied.err

mkdir daemon
check "swtpm goes on in the background" sh -c "$SWTPM chardev --vtpm-proxy --tpm2 --tpmstate dir=daemon --pid file=daemon.pid --daemon > daemon.log"
check "it tells its device" sh -c 'grep -x "New TPM device: /dev/tpm0 (major/minor = 10/224)" daemon.log || ! cat daemon.log'
check "which appears" wait_for test -c /dev/tpm0
check "and answers" tpm2_getrandom -T device:/dev/tpm0 --hex 8
server=$(cat daemon.pid)
check "the background process ends" stop
check "the device of the background process is gone" absent /dev/tpm0
